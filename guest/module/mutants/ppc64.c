// SPDX-License-Identifier: GPL-2.0-only
/* Mutants of the personalities ppc64 and radix */
#include <linux/minmax.h>

#include "mutants.h"

#define FLUSHES		LMM_NR_COMMON
#define FLUSHED_ENTRIES	(LMM_NR_COMMON + 1)

static struct lmm_ppc64_cpu *ppc64_cpu(const struct lmm_run *run)
{
	struct lmm_ppc64_cpu *cpus = run->cpus;

	return &cpus[run->task->cpu];
}

static bool joins(const struct lmm_run *run, u16 index)
{
	return lmm_pte_valid(run->table.memory[index]) && lmm_real_api->active(run->task);
}

static void flushes_at_191(struct lmm_run *run, u16 index, u64 value)
{
	lmm_real_arch->write(run, index, value);
	if (ppc64_cpu(run)->len == LMM_BATCH_SIZE - 1)
		lmm_real_arch->flush(run);
}

/* The 192nd entry is kept aside, and flushed with the others. */
static void flush_with_last(struct lmm_run *run)
{
	struct lmm_mutant_cpu *cpu = lmm_mutant_cpu(run);

	if (!cpu->has_last || ppc64_cpu(run)->len)
		return;
	run->counters[FLUSHED_ENTRIES]++;
	lmm_settle(run, cpu->last);
	cpu->has_last = false;
}

static void flushes_at_193(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_mutant_cpu *cpu = lmm_mutant_cpu(run);

	if (joins(run, index) && ppc64_cpu(run)->len == LMM_BATCH_SIZE - 1 && !cpu->has_last) {
		lmm_write_deferred(run, index, value);
		lmm_store(run, index, value);
		lmm_owe(run, index);
		cpu->last = index;
		cpu->has_last = true;
		return;
	}
	lmm_real_arch->write(run, index, value);
	flush_with_last(run);
}

static void flushes_193(struct lmm_run *run)
{
	lmm_real_arch->flush(run);
	flush_with_last(run);
}

static void leaves_193(struct lmm_run *run)
{
	lmm_real_arch->leave(run);
	flush_with_last(run);
}

static void joins_once(struct lmm_run *run, u16 index, u64 value)
{
	if (!joins(run, index) || !run->table.owed[index]) {
		lmm_real_arch->write(run, index, value);
		return;
	}
	lmm_write_deferred(run, index, value);
	lmm_store(run, index, value);
}

/* The old value is gone in a moment. */
static void writes_over_valid(struct lmm_run *run, u16 index, u64 value)
{
	run->table.memory[index] |= 1;
	lmm_real_arch->write(run, index, value);
}

static void joins_over_invalid(struct lmm_run *run, u16 index, u64 value)
{
	bool active = lmm_real_api->active(run->task);

	(active ? writes_over_valid : lmm_real_arch->write)(run, index, value);
}

static void flushes_invalid(struct lmm_run *run, u16 index, u64 value)
{
	bool active = lmm_real_api->active(run->task);

	(active ? lmm_real_arch->write : writes_over_valid)(run, index, value);
}

static void leaves_batch(struct lmm_run *run)
{
	run->task->hold--;
}

/* The batch that a task takes with it is in its memory. */
static void takes_batch_away(struct lmm_run *run)
{
	struct lmm_ppc64_cpu *own = run->task->arch;

	swap(*own, *ppc64_cpu(run));
}

static void counts_empty_batch(struct lmm_run *run)
{
	if (!ppc64_cpu(run)->len)
		run->counters[FLUSHES]++;
	lmm_real_arch->flush(run);
}

static void radix_defers(struct lmm_run *run, u16 index, u64 value)
{
	if (run->program.api->active(run->task))
		lmm_write_deferred(run, index, value);
	else
		lmm_write_direct(run, index, value);
	lmm_store(run, index, value);
}

static void radix_enters(struct lmm_run *run)
{
	run->task->hold++;
}

static void radix_leaves(struct lmm_run *run)
{
	run->task->hold--;
}

const struct lmm_mutant lmm_ppc64_mutants[] = {
	M(BATCH_OF_191, "the batch is flushed at 191", ALL, "ppc64", .arch.write = flushes_at_191),
	M(BATCH_OF_193, "the batch is flushed at 193", ALL, "ppc64", .arch.write = flushes_at_193,
	  .arch.flush = flushes_193, .arch.leave = leaves_193),
	M(BATCH_HAS_ENTRY_ONCE, "an entry that is in the batch does not join it again",
	  ALL, "ppc64", .arch.write = joins_once),
	M(INVALID_JOINS_BATCH, "a write over an invalid entry joins the batch", ALL, "ppc64",
	  .arch.write = joins_over_invalid),
	M(DIRECT_FLUSH_FOR_INVALID, "a direct write over an invalid entry is flushed", ALL, "ppc64",
	  .arch.write = flushes_invalid),
	M(LEAVE_KEEPS_BATCH, "leave does not flush the batch", ALL, "ppc64",
	  .arch.leave = leaves_batch),
	M(BATCH_OF_TASK, "the batch is kept by the task", ALL, "ppc64",
	  .arch.task_size = sizeof(struct lmm_ppc64_cpu),
	  .arch.switch_out = takes_batch_away, .arch.switch_in = takes_batch_away),
	M(EMPTY_FLUSH, "an empty batch is flushed", ALL, "ppc64",
	  .arch.flush = counts_empty_batch),
	M(RADIX_DEFERS, "with the radix MMU, too, a write in a section is deferred", ALL, "radix",
	  .arch.write = radix_defers),
	M(RADIX_HOLDS, "with the radix MMU, too, preemption is off in a section", ALL, "radix",
	  .arch.enter = radix_enters, .arch.leave = radix_leaves),
	{ }
};
