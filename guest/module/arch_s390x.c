// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality s390x, as in the series of 2026: writes to the entries of a range
 * wait in a cache of the task, so that one IPTE instruction can invalidate several
 * entries. The range from enable_with_ptes() must survive a pause, and resume does
 * not know it; so this architecture alone defines arch_pause and arch_resume.
 */
#include <linux/bitmap.h>

#include "lazymmu.h"

#define IPTES		LMM_NR_COMMON
#define IPTE_ENTRIES	(LMM_NR_COMMON + 1)

static void ipte(struct lmm_run *run, unsigned int entries)
{
	run->counters[IPTES]++;
	run->counters[IPTE_ENTRIES] += entries;
}

static void store(struct lmm_run *run, unsigned int index)
{
	struct lmm_s390x_task *cache = run->task->arch;

	run->table.memory[index] = cache->slots[index];
	__clear_bit(index, cache->used);
	lmm_write_done(run, index);
}

/* Stores the used slots from @first on whose entries have one validity in memory. */
static unsigned int apply_run(struct lmm_run *run, unsigned int first)
{
	struct lmm_s390x_task *cache = run->task->arch;
	const u64 *memory = run->table.memory;
	bool valid = lmm_pte_valid(memory[first]);
	unsigned int i = first;

	do {
		store(run, i++);
	} while (i < LMM_TABLE_ENTRIES && test_bit(i, cache->used) &&
		 lmm_pte_valid(memory[i]) == valid);
	if (valid)
		ipte(run, i - first);
	return i;
}

static void apply(struct lmm_run *run)
{
	struct lmm_s390x_task *cache = run->task->arch;
	unsigned int i = 0;

	while ((i = find_next_bit(cache->used, LMM_TABLE_ENTRIES, i)) < LMM_TABLE_ENTRIES)
		i = apply_run(run, i);
}

static void s390x_write(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_s390x_task *cache = run->task->arch;

	if (run->program.api->active(run->task) &&
	    index >= cache->range.first && index < cache->range.end) {
		cache->slots[index] = value;
		__set_bit(index, cache->used);
		lmm_write_deferred(run, index);
		return;
	}
	if (lmm_pte_valid(run->table.memory[index]))
		ipte(run, 1);
	run->table.memory[index] = value;
	__clear_bit(index, cache->used);
	lmm_write_direct(run, index);
}

static u64 s390x_read(const struct lmm_run *run, u16 index)
{
	const struct lmm_s390x_task *cache = run->task->arch;

	return test_bit(index, cache->used) ? cache->slots[index] :
					      run->table.memory[index];
}

static void set_range(struct lmm_run *run, struct lmm_range range)
{
	struct lmm_s390x_task *cache = run->task->arch;

	apply(run);
	cache->range = range;
}

static void s390x_enter_with_ptes(struct lmm_run *run, struct lmm_range range)
{
	struct lmm_s390x_task *cache = run->task->arch;

	cache->preempt_off = true;
	set_range(run, range);
}

static void s390x_enter(struct lmm_run *run)
{
	s390x_enter_with_ptes(run, (struct lmm_range){ });
}

static void s390x_leave(struct lmm_run *run)
{
	struct lmm_s390x_task *cache = run->task->arch;

	set_range(run, (struct lmm_range){ });
	cache->preempt_off = false;
}

/* Preemption as the scenario has it, not as the thread has it. */
static bool s390x_preempt_off(const struct lmm_run *run)
{
	const struct lmm_s390x_task *cache = run->task->arch;

	return cache->preempt_off;
}

const struct lmm_arch lmm_arch_s390x = {
	.name			= "s390x",
	.own_counters		= { "iptes", "ipte_entries" },
	.task_size		= sizeof(struct lmm_s390x_task),
	.write			= s390x_write,
	.read			= s390x_read,
	.enter			= s390x_enter,
	.enter_with_ptes	= s390x_enter_with_ptes,
	.leave			= s390x_leave,
	.flush			= apply,
	.pause			= apply,
	.preempt_off		= s390x_preempt_off,
};
