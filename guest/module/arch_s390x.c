// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality s390x, as the series of 2026 has it: writes to the entries of
 * a range wait in a cache of the task, so that one IPTE instruction can
 * invalidate several of them. What was given to enable_with_ptes() must outlive a
 * pause, whose resume does not know it; so it alone defines arch_pause and
 * arch_resume.
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
	struct lmm_s390x_task *cache = &run->task->s390x;

	run->table.memory[index] = cache->slots[index];
	__clear_bit(index, cache->used);
	lmm_write_done(run, index);
}

/* Takes the slots from @first on that are in use and of one validity in memory. */
static unsigned int apply_run(struct lmm_run *run, unsigned int first)
{
	const u64 *memory = run->table.memory;
	bool valid = lmm_pte_valid(memory[first]);
	unsigned int i = first;

	do {
		store(run, i++);
	} while (i < LMM_TABLE_ENTRIES && test_bit(i, run->task->s390x.used) &&
		 (lmm_pte_valid(memory[i]) == valid || LMM_MUTANT(RUN_NOT_SPLIT)));
	if (valid || LMM_MUTANT(INVALID_RUN_COUNTED))
		ipte(run, i - first);
	return i;
}

static void apply(struct lmm_run *run)
{
	const unsigned long *used = run->task->s390x.used;
	unsigned int i = 0;

	while ((i = find_next_bit(used, LMM_TABLE_ENTRIES, i)) < LMM_TABLE_ENTRIES)
		i = apply_run(run, i);
}

static bool range_holds(const struct lmm_range *range, int index)
{
	int first = range->first, end = range->end;

	if (first == end)
		return false;
	if (LMM_MUTANT(RANGE_BEGINS_LATE))
		first++;
	if (LMM_MUTANT(RANGE_BEGINS_EARLY))
		first--;
	if (LMM_MUTANT(RANGE_ENDS_EARLY))
		end--;
	if (LMM_MUTANT(RANGE_ENDS_LATE))
		end++;
	return index >= first && index < end;
}

static void s390x_write(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_s390x_task *cache = &run->task->s390x;

	if (run->program.api->active(run->task) && range_holds(&cache->range, index)) {
		cache->slots[index] = value;
		__set_bit(index, cache->used);
		lmm_write_deferred(run, index);
		return;
	}
	if (lmm_pte_valid(run->table.memory[index]) ||
	    LMM_MUTANT(DIRECT_IPTE_FOR_INVALID))
		ipte(run, 1);
	run->table.memory[index] = value;
	if (!LMM_MUTANT(SLOT_SURVIVES_DIRECT))
		__clear_bit(index, cache->used);
	lmm_write_direct(run, index);
}

static u64 s390x_read(const struct lmm_run *run, u16 index)
{
	const struct lmm_s390x_task *cache = &run->task->s390x;

	if (LMM_MUTANT(GET_READS_MEMORY))
		return run->table.memory[index];
	return test_bit(index, cache->used) ? cache->slots[index] :
					      run->table.memory[index];
}

static void set_range(struct lmm_run *run, struct lmm_range range)
{
	apply(run);
	run->task->s390x.range = range;
}

static void s390x_enter_with_ptes(struct lmm_run *run, struct lmm_range range)
{
	run->task->s390x.preempt_off = true;
	set_range(run, range);
}

static void s390x_enter(struct lmm_run *run)
{
	if (LMM_MUTANT(ENTER_APPLIES_NOTHING)) {
		run->task->s390x.preempt_off = true;
		run->task->s390x.range = (struct lmm_range){ };
		return;
	}
	s390x_enter_with_ptes(run, (struct lmm_range){ });
}

static void s390x_leave(struct lmm_run *run)
{
	if (LMM_MUTANT(LEAVE_KEEPS_RANGE))
		apply(run);
	else
		set_range(run, (struct lmm_range){ });
	run->task->s390x.preempt_off = false;
}

static void s390x_pause(struct lmm_run *run)
{
	if (LMM_MUTANT(PAUSE_DROPS_RANGE))
		set_range(run, (struct lmm_range){ });
	else
		apply(run);
}

/* As the scenario has it; the real count of the thread is another matter. */
static bool s390x_preempt_off(const struct lmm_run *run)
{
	return run->task->s390x.preempt_off;
}

const struct lmm_arch lmm_arch_s390x = {
	.name			= "s390x",
	.has_pause		= true,
	.own_counters		= { "iptes", "ipte_entries" },
	.write			= s390x_write,
	.read			= s390x_read,
	.enter			= s390x_enter,
	.enter_with_ptes	= s390x_enter_with_ptes,
	.leave			= s390x_leave,
	.flush			= apply,
	.pause			= s390x_pause,
	.preempt_off		= s390x_preempt_off,
};
