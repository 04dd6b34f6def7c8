// SPDX-License-Identifier: GPL-2.0-only
/* Mutants of the personality s390x */
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/preempt.h>

#include "mutants.h"

#define IPTES		LMM_NR_COMMON
#define IPTE_ENTRIES	(LMM_NR_COMMON + 1)

static struct lmm_s390x_cpu *s390x_cpu(const struct lmm_run *run)
{
	struct lmm_s390x_cpu *cpus = run->cpus;

	return &cpus[run->task->cpu];
}

/* Runs of slots */

static void apply(struct lmm_run *run, bool splits, bool counts_invalid)
{
	struct lmm_s390x_cpu *cpu = s390x_cpu(run);
	const u64 *memory = run->table.memory;
	unsigned int i = 0, first;
	bool valid;

	while ((i = find_next_bit(cpu->used, LMM_TABLE_ENTRIES, i)) < LMM_TABLE_ENTRIES) {
		first = i;
		valid = lmm_pte_valid(memory[i]);
		do {
			__clear_bit(i, cpu->used);
			lmm_store(run, i, cpu->slots[i]);
			lmm_settle(run, i++);
		} while (i < LMM_TABLE_ENTRIES && test_bit(i, cpu->used) &&
			 (!splits || lmm_pte_valid(memory[i]) == valid));
		if (valid || counts_invalid) {
			run->counters[IPTES]++;
			run->counters[IPTE_ENTRIES] += i - first;
		}
	}
}

static void splits_no_run(struct lmm_run *run)
{
	apply(run, false, false);
}

static void counts_invalid_run(struct lmm_run *run)
{
	apply(run, true, true);
}

/* Reads and writes */

static u64 reads_memory(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
}

static u64 clears_memory(struct lmm_run *run, u16 index)
{
	u64 old = run->table.memory[index];

	run->program.arch->write(run, index, 0);
	return old;
}

static u64 finds_no_zero(const struct lmm_run *run, u16 index)
{
	return lmm_real_arch->read(run, index) ?: run->table.memory[index];
}

static u64 reads_slot(const struct lmm_run *run, u16 index)
{
	return lmm_real_arch->read(run, index);
}

static void write_direct(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_s390x_cpu *cpu = s390x_cpu(run);
	int lazy_count = cpu->lazy_count;

	cpu->lazy_count = 0;
	lmm_real_arch->write(run, index, value);
	cpu->lazy_count = lazy_count;
}

static void writes_direct_in_interrupt(struct lmm_run *run, u16 index, u64 value)
{
	(in_interrupt() ? write_direct : lmm_real_arch->write)(run, index, value);
}

static void writes_if_active(struct lmm_run *run, u16 index, u64 value)
{
	bool active = lmm_real_api->active(run->task);

	(active ? lmm_real_arch->write : write_direct)(run, index, value);
}

static u64 reads_if_active(const struct lmm_run *run, u16 index)
{
	bool active = lmm_real_api->active(run->task);

	return (active ? lmm_real_arch->read : reads_memory)(run, index);
}

static void writes_if_above_0(struct lmm_run *run, u16 index, u64 value)
{
	bool above = s390x_cpu(run)->lazy_count > 0;

	(above ? lmm_real_arch->write : write_direct)(run, index, value);
}

static void empties_slot(struct lmm_run *run, u16 index, u64 value)
{
	u64 before = run->counters[LMM_DIRECT];

	lmm_real_arch->write(run, index, value);
	if (run->counters[LMM_DIRECT] != before &&
	    __test_and_clear_bit(index, s390x_cpu(run)->used))
		lmm_settle(run, index);
}

static void counts_invalid_entry(struct lmm_run *run, u16 index, u64 value)
{
	bool valid = lmm_pte_valid(run->table.memory[index]);
	u64 before = run->counters[LMM_DIRECT];

	lmm_real_arch->write(run, index, value);
	if (!valid && run->counters[LMM_DIRECT] != before) {
		run->counters[IPTES]++;
		run->counters[IPTE_ENTRIES]++;
	}
}

/* Hooks */

static void enters_other_range(struct lmm_run *run, struct lmm_range range)
{
	range.first = max(range.first + lmm_mutant->first, 0);
	range.end += lmm_mutant->end;
	lmm_real_arch->enter_with_ptes(run, range);
}

static void enters_without_apply(struct lmm_run *run, struct lmm_range range)
{
	s390x_cpu(run)->range = range;
	lmm_real_arch->enter(run);
}

static void enters_without_range(struct lmm_run *run)
{
	s390x_cpu(run)->range = (struct lmm_range){ };
	lmm_real_arch->enter(run);
}

static void flushes_range(struct lmm_run *run)
{
	lmm_real_arch->flush(run);
	s390x_cpu(run)->range = (struct lmm_range){ };
}

static void keeps_range(struct lmm_run *run)
{
	struct lmm_range range = s390x_cpu(run)->range;

	lmm_real_arch->leave(run);
	s390x_cpu(run)->range = range;
}

static void keeps_slots(struct lmm_run *run)
{
	struct lmm_s390x_cpu *cpu = s390x_cpu(run);
	DECLARE_BITMAP(used, LMM_TABLE_ENTRIES);
	unsigned int i;

	bitmap_copy(used, cpu->used, LMM_TABLE_ENTRIES);
	lmm_real_arch->leave(run);
	for_each_set_bit(i, used, LMM_TABLE_ENTRIES) {
		__set_bit(i, cpu->used);
		lmm_owe(run, i);
	}
}

static void keeps_count(struct lmm_run *run)
{
	lmm_real_arch->leave(run);
	s390x_cpu(run)->lazy_count++;
}

static void pauses_range(struct lmm_run *run)
{
	lmm_real_arch->pause(run);
	s390x_cpu(run)->range = (struct lmm_range){ };
}

static void pauses_no_count(struct lmm_run *run)
{
	lmm_real_arch->pause(run);
	s390x_cpu(run)->lazy_count++;
}

static void pauses_hold(struct lmm_run *run)
{
	lmm_real_arch->pause(run);
	run->task->hold--;
}

/* The lazy count that a task takes with it is in its memory. */
static void takes_count_away(struct lmm_run *run)
{
	int *own = run->task->arch;

	swap(*own, s390x_cpu(run)->lazy_count);
}

const struct lmm_mutant lmm_s390x_mutants[] = {
	M(RUN_NOT_SPLIT, "a run is not split where the validity changes", RANGES, "s390x",
	  .apply = splits_no_run),
	M(INVALID_RUN_COUNTED, "a run of invalid entries is an IPTE", RANGES, "s390x",
	  .apply = counts_invalid_run),
	M(RANGE_BEGINS_LATE, "the range lacks its first entry", RANGES, "s390x",
	  .arch.enter_with_ptes = enters_other_range, .first = 1),
	M(RANGE_BEGINS_EARLY, "the range has the entry before it", RANGES, "s390x",
	  .arch.enter_with_ptes = enters_other_range, .first = -1),
	M(RANGE_ENDS_EARLY, "the range lacks its last entry", RANGES, "s390x",
	  .arch.enter_with_ptes = enters_other_range, .end = -1),
	M(RANGE_ENDS_LATE, "the range has the entry after it", RANGES, "s390x",
	  .arch.enter_with_ptes = enters_other_range, .end = 1),

	M(GET_READS_MEMORY, "get_pte does not read the cache", RANGES, "s390x",
	  .arch.read = reads_memory),
	M(GET_READS_NO_ZERO, "get_pte takes a slot with 0 for an empty one", RANGES, "s390x",
	  .arch.read = finds_no_zero),
	M(GET_ASKS_ACTIVE, "get_pte asks the API whether the task is active", RANGES, "s390x",
	  .arch.read = reads_if_active),
	M(CLEAR_READS_MEMORY, "clear_pte answers memory in place of the slot", RANGES, "s390x",
	  .clear_pte = clears_memory),
	M(PEEK_READS_SLOT, "peek reads the slot", RANGES, "s390x", .peek = reads_slot),
	M(WRITE_IN_INTERRUPT_DIRECT, "a write in an interrupt is direct", RANGES, "s390x",
	  .arch.write = writes_direct_in_interrupt),
	M(WRITE_ASKS_ACTIVE, "a write asks the API whether the task is active", RANGES, "s390x",
	  .arch.write = writes_if_active),
	M(NEGATIVE_COUNT_IS_0, "a write is direct when the lazy count is below 0",
	  RANGES, "s390x", .arch.write = writes_if_above_0),
	M(DIRECT_EMPTIES_SLOT, "a direct write empties the slot of its entry", RANGES, "s390x",
	  .arch.write = empties_slot),
	M(DIRECT_IPTE_FOR_INVALID, "a direct write to an invalid entry takes an IPTE", ALL, "s390x",
	  .arch.write = counts_invalid_entry),

	M(ENTER_APPLIES_NOTHING, "enable_with_ptes does not apply what waits", RANGES, "s390x",
	  .arch.enter_with_ptes = enters_without_apply),
	M(ENTER_DROPS_RANGE, "enter drops the range", RANGES, "s390x",
	  .arch.enter = enters_without_range),
	M(FLUSH_DROPS_RANGE, "flush drops the range", RANGES, "s390x", .arch.flush = flushes_range),
	M(LEAVE_KEEPS_RANGE, "leave keeps the range", RANGES, "s390x", .arch.leave = keeps_range),
	M(LEAVE_KEEPS_SLOTS, "leave keeps the slots in use", RANGES, "s390x",
	  .arch.leave = keeps_slots),
	M(LEAVE_KEEPS_COUNT, "leave does not lower the lazy count", RANGES, "s390x",
	  .arch.leave = keeps_count),
	M(PAUSE_DROPS_RANGE, "arch_pause drops the range", "amended", "s390x",
	  .arch.pause = pauses_range),
	M(PAUSE_KEEPS_COUNT, "arch_pause does not lower the lazy count", "amended", "s390x",
	  .arch.pause = pauses_no_count),
	M(PAUSE_LOWERS_HOLD, "arch_pause turns preemption on", "amended", "s390x",
	  .arch.pause = pauses_hold),
	M(COUNT_OF_TASK, "the lazy count is kept by the task", RANGES, "s390x",
	  .arch.task_size = sizeof(int),
	  .arch.switch_out = takes_count_away, .arch.switch_in = takes_count_away),
	{ }
};
