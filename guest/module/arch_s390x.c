// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality s390x, as in the series of 2026, version 6 (arch/s390/mm/lazy_mmu.c):
 * writes to the entries of a range wait in slots of the CPU, so that one IPTE instruction
 * can invalidate several entries. Preemption is off in a section, so all of this belongs
 * to the CPU. A write does not ask the API whether the task is active.
 *
 * The range from enable_with_ptes() must survive a pause, and resume does not know it; so
 * this architecture alone defines arch_pause and arch_resume.
 */
#include <linux/bitmap.h>

#include "lazymmu.h"

#define IPTES		LMM_NR_COMMON
#define IPTE_ENTRIES	(LMM_NR_COMMON + 1)

static struct lmm_s390x_cpu *this_cpu(const struct lmm_run *run)
{
	struct lmm_s390x_cpu *cpus = run->cpus;

	return &cpus[run->task->cpu];
}

static bool has_range(const struct lmm_s390x_cpu *cpu)
{
	return cpu->range.first < cpu->range.end;
}

/* Whether writes to the entry go into its slot */
static bool is_lazy(const struct lmm_s390x_cpu *cpu, u16 index)
{
	return cpu->lazy_count && index >= cpu->range.first && index < cpu->range.end;
}

static void ipte(struct lmm_run *run, unsigned int entries)
{
	run->counters[IPTES]++;
	run->counters[IPTE_ENTRIES] += entries;
}

static void empty_slot(struct lmm_run *run, struct lmm_s390x_cpu *cpu, unsigned int index)
{
	__clear_bit(index, cpu->used);
	lmm_store(run, index, cpu->slots[index]);
	lmm_settle(run, index);
}

/* Stores the used slots from @first on whose entries have one validity in memory. */
static unsigned int apply_run(struct lmm_run *run, struct lmm_s390x_cpu *cpu,
			      unsigned int first)
{
	const u64 *memory = run->table.memory;
	bool valid = lmm_pte_valid(memory[first]);
	unsigned int i = first;

	do {
		empty_slot(run, cpu, i++);
	} while (i < LMM_TABLE_ENTRIES && test_bit(i, cpu->used) &&
		 lmm_pte_valid(memory[i]) == valid);
	if (valid)
		ipte(run, i - first);
	return i;
}

static void apply(struct lmm_run *run)
{
	struct lmm_s390x_cpu *cpu = this_cpu(run);
	unsigned int i = 0;

	while ((i = find_next_bit(cpu->used, LMM_TABLE_ENTRIES, i)) < LMM_TABLE_ENTRIES)
		i = apply_run(run, cpu, i);
}

static void s390x_write(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_s390x_cpu *cpu = this_cpu(run);

	if (is_lazy(cpu, index)) {
		lmm_write_deferred(run, index, value);
		cpu->slots[index] = value;
		if (!__test_and_set_bit(index, cpu->used))
			lmm_owe(run, index);
		return;
	}
	lmm_write_direct(run, index, value);
	if (lmm_pte_valid(run->table.memory[index]))
		ipte(run, 1);
	lmm_store(run, index, value);
}

static u64 s390x_read(const struct lmm_run *run, u16 index)
{
	const struct lmm_s390x_cpu *cpu = this_cpu(run);

	return is_lazy(cpu, index) && test_bit(index, cpu->used) ? cpu->slots[index] :
								   run->table.memory[index];
}

static void s390x_enter(struct lmm_run *run)
{
	this_cpu(run)->lazy_count++;
	run->task->hold++;
}

static void s390x_enter_with_ptes(struct lmm_run *run, struct lmm_range range)
{
	apply(run);
	this_cpu(run)->range = range;
	s390x_enter(run);
}

static void s390x_flush(struct lmm_run *run)
{
	if (has_range(this_cpu(run)))
		apply(run);
}

static void s390x_leave(struct lmm_run *run)
{
	struct lmm_s390x_cpu *cpu = this_cpu(run);

	s390x_flush(run);
	cpu->range = (struct lmm_range){ };
	cpu->lazy_count--;
	run->task->hold--;
}

static void s390x_pause(struct lmm_run *run)
{
	apply(run);
	this_cpu(run)->lazy_count--;
}

static void s390x_resume(struct lmm_run *run)
{
	this_cpu(run)->lazy_count++;
}

const struct lmm_arch lmm_arch_s390x = {
	.name			= "s390x",
	.own_counters		= { "iptes", "ipte_entries" },
	.cpu_size		= sizeof(struct lmm_s390x_cpu),
	.write			= s390x_write,
	.read			= s390x_read,
	.enter			= s390x_enter,
	.enter_with_ptes	= s390x_enter_with_ptes,
	.leave			= s390x_leave,
	.flush			= s390x_flush,
	.pause			= s390x_pause,
	.resume			= s390x_resume,
};
