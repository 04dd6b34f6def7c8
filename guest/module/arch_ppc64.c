// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality ppc64, with the hash MMU (arch/powerpc/mm/book3s64/hash_tlb.c): memory
 * is written at once, and a valid entry that is overwritten must be flushed from the hash
 * table. In a section the flush waits in a batch of the CPU, and preemption is off. The
 * architecture defines no arch_pause and arch_resume.
 */
#include "lazymmu.h"

#define FLUSHES		LMM_NR_COMMON
#define FLUSHED_ENTRIES	(LMM_NR_COMMON + 1)

static struct lmm_ppc64_cpu *this_cpu(struct lmm_run *run)
{
	struct lmm_ppc64_cpu *cpus = run->cpus;

	return &cpus[run->task->cpu];
}

static void count_flush(struct lmm_run *run, unsigned int entries)
{
	run->counters[FLUSHES]++;
	run->counters[FLUSHED_ENTRIES] += entries;
}

static void ppc64_flush(struct lmm_run *run)
{
	struct lmm_ppc64_cpu *cpu = this_cpu(run);

	if (!cpu->len)
		return;
	for (unsigned int i = 0; i < cpu->len; i++)
		lmm_settle(run, cpu->batch[i]);
	count_flush(run, cpu->len);
	cpu->len = 0;
}

/* An entry that is in the batch already joins it again. */
static void join_batch(struct lmm_run *run, u16 index)
{
	struct lmm_ppc64_cpu *cpu = this_cpu(run);

	cpu->batch[cpu->len++] = index;
	lmm_owe(run, index);
	if (cpu->len == LMM_BATCH_SIZE)
		ppc64_flush(run);
}

static void ppc64_write(struct lmm_run *run, u16 index, u64 value)
{
	bool was_valid = lmm_pte_valid(run->table.memory[index]);
	bool active = run->program.api->active(run->task);

	if (was_valid && active)
		lmm_write_deferred(run, index, value);
	else
		lmm_write_direct(run, index, value);
	lmm_store(run, index, value);
	if (was_valid && active)
		join_batch(run, index);
	else if (was_valid)
		count_flush(run, 1);
}

static u64 ppc64_read(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
}

static void ppc64_enter(struct lmm_run *run)
{
	run->task->hold++;
}

static void ppc64_enter_with_ptes(struct lmm_run *run, struct lmm_range range)
{
	ppc64_enter(run);
}

static void ppc64_leave(struct lmm_run *run)
{
	ppc64_flush(run);
	run->task->hold--;
}

const struct lmm_arch lmm_arch_ppc64 = {
	.name			= "ppc64",
	.own_counters		= { "flushes", "flushed_entries" },
	.cpu_size		= sizeof(struct lmm_ppc64_cpu),
	.write			= ppc64_write,
	.read			= ppc64_read,
	.enter			= ppc64_enter,
	.enter_with_ptes	= ppc64_enter_with_ptes,
	.leave			= ppc64_leave,
	.flush			= ppc64_flush,
};
