// SPDX-License-Identifier: GPL-2.0-only
/* Mutants of the personalities, of tasks and of the TLB. */
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "mutants.h"

/* The personalities' own counters */
#define MULTICALLS	LMM_NR_COMMON
#define UPDATES		(LMM_NR_COMMON + 1)
#define IPTES		LMM_NR_COMMON
#define IPTE_ENTRIES	(LMM_NR_COMMON + 1)

/* arm64 */

static bool *pending(const struct lmm_run *run)
{
	struct lmm_arm64_task *task = run->task->arch;

	return &task->pending;
}

static void writes_as_if_valid(struct lmm_run *run, u16 index, u64 value)
{
	lmm_real_arch->write(run, index, value | 1);
	run->table.newest[index] = value;
	lmm_store(run, index, value);
}

static void clears_pending_when_direct(struct lmm_run *run, u16 index, u64 value)
{
	lmm_real_arch->write(run, index, value);
	if (lmm_pte_valid(value) && !lmm_real_api->active(run->task))
		*pending(run) = false;
}

static void keeps_pending(struct lmm_run *run)
{
	bool before = *pending(run);

	lmm_real_arch->flush(run);
	*pending(run) = before;
}

static void needs_no_pending(struct lmm_run *run)
{
	*pending(run) = true;
	lmm_real_arch->flush(run);
}

static void clears_pending(struct lmm_run *run)
{
	*pending(run) = false;
	lmm_real_arch->switch_out(run);
}

static void does_nothing(struct lmm_run *run)
{
}

static void copies_nothing(const struct lmm_run *run, struct lmm_task *child)
{
}

/* x86_64 */

/* The older half of a queue of 64 */
static struct lmm_queue older[LMM_NR_CPUS];

static void issues_at_31(struct lmm_run *run, u16 index, u64 value)
{
	lmm_real_arch->write(run, index, value);
	if (lmm_queue(run)->len == LMM_QUEUE_SIZE - 1)
		lmm_real_arch->flush(run);
}

static void issues_both_halves(struct lmm_run *run)
{
	struct lmm_queue *queue = lmm_queue(run), *half = &older[run->task->cpu];

	if (half->len) {
		swap(*queue, *half);
		lmm_real_arch->flush(run);
		run->counters[MULTICALLS]--;
		swap(*queue, *half);
	}
	lmm_real_arch->flush(run);
}

static void issues_at_64(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_queue *queue = lmm_queue(run), *half = &older[run->task->cpu];
	bool full = queue->len == LMM_QUEUE_SIZE - 1;

	if (!lmm_real_api->active(run->task) || (full && half->len)) {
		issues_both_halves(run);
	} else if (full) {
		*half = *queue;
		queue->len = 0;
	}
	lmm_real_arch->write(run, index, value);
}

static void overtakes(struct lmm_run *run, u16 index, u64 value)
{
	if (lmm_real_api->active(run->task)) {
		lmm_real_arch->write(run, index, value);
		return;
	}
	run->counters[MULTICALLS]++;
	run->counters[UPDATES]++;
	lmm_write_direct(run, index, value);
	lmm_store(run, index, value);
}

static void issues_empty_queue(struct lmm_run *run)
{
	if (!lmm_queue(run)->len)
		run->counters[MULTICALLS]++;
	lmm_real_arch->flush(run);
}

/* s390x */

static struct lmm_s390x_cpu *s390x_cpu(const struct lmm_run *run)
{
	struct lmm_s390x_cpu *cpus = run->cpus;

	return &cpus[run->task->cpu];
}

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

static void enters_other_range(struct lmm_run *run, struct lmm_range range)
{
	range.first = max(range.first + lmm_mutant->first, 0);
	range.end += lmm_mutant->end;
	lmm_real_arch->enter_with_ptes(run, range);
}

static u64 reads_memory(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
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

static void enters_without_apply(struct lmm_run *run, struct lmm_range range)
{
	s390x_cpu(run)->range = range;
	lmm_real_arch->enter(run);
}

static void keeps_range(struct lmm_run *run)
{
	struct lmm_range range = s390x_cpu(run)->range;

	lmm_real_arch->leave(run);
	s390x_cpu(run)->range = range;
}

static void drops_range(struct lmm_run *run)
{
	lmm_real_arch->pause(run);
	s390x_cpu(run)->range = (struct lmm_range){ };
}

/* All personalities */

static void needs_active(struct lmm_run *run)
{
	if (lmm_real_api->active(run->task))
		lmm_real_arch->flush(run);
}

static void leaves_all_waiting(struct lmm_run *run)
{
	if (!(lmm_mutant->ops & BIT(lmm_present_step(run)->op)))
		lmm_real_arch->switch_out(run);
}

static void hands_state_over(struct lmm_run *run)
{
	const struct lmm_step *step = lmm_present_step(run);
	struct lmm_task *next = &run->tasks[step->task];

	if (step->op == LMM_OP_SWITCH && next->cpu == run->task->cpu)
		memcpy(next->state, run->task->state, lmm_real_api->state_size);
	if (lmm_real_arch->switch_out)
		lmm_real_arch->switch_out(run);
}

static void copies_no_state(const struct lmm_run *run, struct lmm_task *child)
{
	memset(child->state, 0, lmm_real_api->state_size);
	if (lmm_real_arch->fork)
		lmm_real_arch->fork(run, child);
}

static u64 holds_invalid(struct lmm_run *run, u16 index)
{
	u64 value = __real_lmm_load(run, index);

	__set_bit(index, run->table.cached);
	run->table.tlb[index] = value;
	return value;
}

#define ISSUE(f)	.arch.leave = f, .arch.flush = f, .arch.switch_out = f

const struct lmm_mutant lmm_arch_mutants[] = {
	M(FLUSH_ONLY_WHEN_ACTIVE, "arch_flush does nothing unless the task is active", ALL, ALL,
	  .arch.flush = needs_active),
	M(STATE_PER_CPU, "the state is kept for the CPU instead of the task", ALL, ALL,
	  .arch.switch_out = hands_state_over),
	M(FORK_COPIES_NO_STATE, "fork does not copy the state", ALL, ALL,
	  .arch.fork = copies_no_state),
	M(NOTHING_ISSUED_ON_SWITCH, "a switch issues no queue, and is no barrier",
	  ALL, "arm64 x86_64", .arch.switch_out = leaves_all_waiting, .ops = BIT(LMM_OP_SWITCH)),
	M(NOTHING_ISSUED_ON_MIGRATE, "migrate issues no queue, and is no barrier",
	  ALL, "arm64 x86_64", .arch.switch_out = leaves_all_waiting, .ops = BIT(LMM_OP_MIGRATE)),
	M(NOTHING_ISSUED_ON_SLEEP, "sleep issues no queue, and is no barrier", ALL, "arm64 x86_64",
	  .arch.switch_out = leaves_all_waiting, .ops = BIT(LMM_OP_SLEEP)),
	M(TLB_FLUSH_EMPTIES_NOTHING, "tlb_flush leaves the TLB as it is", ALL, ALL,
	  .tlb_flush = does_nothing),
	M(TLB_HOLDS_INVALID, "the TLB holds invalid entries, too", ALL, ALL, .load = holds_invalid),

	M(FORK_COPIES_NO_PENDING, "fork does not copy the pending flag", ALL, "arm64",
	  .arch.fork = copies_nothing),
	M(BARRIER_FOR_INVALID, "an invalid value needs a barrier, too", ALL, "arm64",
	  .arch.write = writes_as_if_valid),
	M(PENDING_NOT_CLEARED, "flush does not clear the pending flag", ALL, "arm64",
	  .arch.leave = keeps_pending, .arch.flush = keeps_pending),
	M(DIRECT_CLEARS_PENDING, "a direct write's barrier clears the pending flag", ALL, "arm64",
	  .arch.write = clears_pending_when_direct),
	M(FLUSH_WITHOUT_PENDING, "flush issues a barrier that is not due", ALL, "arm64",
	  .arch.leave = needs_no_pending, .arch.flush = needs_no_pending),
	M(SWITCH_CLEARS_PENDING, "leaving the CPU clears the pending flag", ALL, "arm64",
	  .arch.switch_out = clears_pending),
	M(LEAVING_SERVES_NOTHING, "leaving the CPU is no barrier", ALL, "arm64",
	  .arch.switch_out = does_nothing),

	M(QUEUE_OF_31, "the queue is issued at 31", ALL, "x86_64", .arch.write = issues_at_31),
	M(QUEUE_OF_64, "the queue is not issued at 32", ALL, "x86_64",
	  .arch.write = issues_at_64, ISSUE(issues_both_halves)),
	M(DIRECT_OVERTAKES, "a direct write overtakes the queue", ALL, "x86_64",
	  .arch.write = overtakes),
	M(EMPTY_MULTICALL, "an empty queue is issued as a multicall", ALL, "x86_64",
	  ISSUE(issues_empty_queue)),

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
	M(DIRECT_EMPTIES_SLOT, "a direct write empties the slot of its entry", RANGES, "s390x",
	  .arch.write = empties_slot),
	M(ENTER_APPLIES_NOTHING, "enable_with_ptes does not apply what waits", RANGES, "s390x",
	  .arch.enter_with_ptes = enters_without_apply),
	M(LEAVE_KEEPS_RANGE, "leave keeps the range", RANGES, "s390x", .arch.leave = keeps_range),
	M(PAUSE_DROPS_RANGE, "arch_pause drops the range", "amended", "s390x",
	  .arch.pause = drops_range),
	M(DIRECT_IPTE_FOR_INVALID, "a direct write to an invalid entry takes an IPTE", ALL, "s390x",
	  .arch.write = counts_invalid_entry),
	{ }
};
