/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mistakes that can be made in this module, each as small as a real slip. Only a
 * module that is built with LMM_MUTANTS=y has them; its parameter mutant=NAME
 * makes the one of that name, and without it the module makes none.
 *
 * What is a mutant is a line of LMM_MUTANT_LIST: M(name, what is wrong, revisions,
 * personalities), where "all" stands for all. Programs read this list: a line each.
 */
#ifndef _LAZYMMU_MUTANTS_H
#define _LAZYMMU_MUTANTS_H

#include <linux/preempt.h>
#include <linux/types.h>

#define LMM_MUTANT_LIST(M) \
	M(NESTED_DISABLE_NO_FLUSH, "a nested disable calls no hook", "all", "all") \
	M(NESTED_DISABLE_LEAVES, "a nested disable calls leave", "all", "all") \
	M(NESTED_ENABLE_ENTERS, "a nested enable calls enter", "all", "all") \
	M(PAUSE_OUTSIDE_LEAVES, "pause calls leave outside a section", "merged with-ptes", "all") \
	M(RESUME_ENTERS_WHILE_PAUSED, "resume enters while still paused", "merged with-ptes", "all") \
	M(RESUME_OUTSIDE_ENTERS, "resume calls enter outside a section", "merged with-ptes", "all") \
	M(ENABLE_COUNTED_WHILE_PAUSED, "enable counts in a pause", "merged with-ptes", "all") \
	M(DISABLE_COUNTED_WHILE_PAUSED, "disable counts in a pause", "merged with-ptes", "all") \
	M(NESTED_PAUSE_NOT_COUNTED, "a nested pause has no effect at all", "merged with-ptes", "all") \
	M(RESUME_FORGETS_ENABLED, "resume does not set the flag", "proposal amended v3 v4", "all") \
	M(WRAP_CLEARS_ENABLED, "enable clears the flag when the counter wraps", "proposal amended v3 v4", "all") \
	M(RESUME_CALLS_ENTER, "resume calls enter instead of arch_resume", "amended", "s390x") \
	M(PAUSE_CALLS_LEAVE, "pause calls leave instead of arch_pause", "amended", "s390x") \
	M(PAUSE_DROPS_RANGE, "arch_pause drops the range", "amended", "s390x") \
	M(WITH_PTES_CALLS_ENTER, "enable_with_ptes calls enter without a range", "amended with-ptes", "all") \
	M(NESTED_WITH_PTES_CALLS_HOOK, "a nested enable_with_ptes calls its hook", "amended with-ptes", "all") \
	M(ENABLE_IN_INTERRUPT, "enable has an effect in interrupt", "all", "all") \
	M(DISABLE_IN_INTERRUPT, "disable has an effect in interrupt", "all", "all") \
	M(PAUSE_IN_INTERRUPT, "pause has an effect in interrupt", "all", "all") \
	M(RESUME_IN_INTERRUPT, "resume has an effect in interrupt", "all", "all") \
	M(WITH_PTES_IN_INTERRUPT, "enable_with_ptes has an effect in interrupt", "amended with-ptes", "all") \
	M(ACTIVE_IN_INTERRUPT, "a task is active in interrupt", "all", "all") \
	M(BH_DISABLED_IS_NO_INTERRUPT, "bottom halves disabled are not taken for interrupt", "all", "all") \
	M(ENABLE_STATE_AFTER_HOOK, "enable changes the state after the hook", "v4 merged with-ptes", "all") \
	M(ENABLE_STATE_BEFORE_HOOK, "enable changes the state before the hook", "proposal amended", "all") \
	M(V3_FLAG_BEFORE_HOOK, "enable sets the flag before the hook", "v3", "all") \
	M(DISABLE_STATE_AFTER_HOOK, "disable ends the mode after the hook", "all", "all") \
	M(PAUSE_STATE_AFTER_HOOK, "pause ends the mode after the hook", "all", "all") \
	M(RESUME_STATE_AFTER_HOOK, "resume changes the state after the hook", "v4 merged with-ptes", "all") \
	M(RESUME_STATE_BEFORE_HOOK, "resume sets the flag before the hook", "proposal amended v3", "all") \
	M(COUNT_SATURATES_UP, "the nesting counter stays at 255", "proposal amended v3 v4", "all") \
	M(COUNT_SATURATES_DOWN, "the nesting counter stays at 0", "proposal amended v3 v4", "all") \
	M(COUNT_OF_2_BITS, "the nesting counter has 2 bits", "proposal amended v3 v4", "all") \
	M(COUNT_OF_16_BITS, "the nesting counter has 16 bits", "proposal amended v3 v4", "all") \
	M(ENABLE_COUNT_SATURATES_UP, "enable_count stays at 255", "merged with-ptes", "all") \
	M(ENABLE_COUNT_SATURATES_DOWN, "enable_count stays at 0", "merged with-ptes", "all") \
	M(ENABLE_COUNT_OF_2_BITS, "enable_count has 2 bits", "merged with-ptes", "all") \
	M(ENABLE_COUNT_OF_16_BITS, "enable_count has 16 bits", "merged with-ptes", "all") \
	M(PAUSE_COUNT_SATURATES_UP, "pause_count stays at 255", "merged with-ptes", "all") \
	M(PAUSE_COUNT_SATURATES_DOWN, "pause_count stays at 0", "merged with-ptes", "all") \
	M(PAUSE_COUNT_OF_2_BITS, "pause_count has 2 bits", "merged with-ptes", "all") \
	M(PAUSE_COUNT_OF_16_BITS, "pause_count has 16 bits", "merged with-ptes", "all") \
	M(ENABLE_FULL_UNCHECKED, "enable does not check for a full counter", "v3 v4 merged with-ptes", "all") \
	M(ENABLE_FLAG_UNCHECKED, "enable does not check the flag", "v3 v4", "all") \
	M(DISABLE_EMPTY_UNCHECKED, "disable does not check for an empty counter", "v3 v4 merged with-ptes", "all") \
	M(DISABLE_FLAG_UNCHECKED, "disable does not check the flag", "v3 v4", "all") \
	M(PAUSE_UNCHECKED, "pause has no check", "v3 v4 merged with-ptes", "all") \
	M(RESUME_UNCHECKED, "resume has no check", "v3 v4 merged with-ptes", "all") \
	M(PAUSE_TASK_CHECKS_INTERRUPT, "pause_task does nothing in interrupt", "merged with-ptes", "all") \
	M(RESUME_TASK_CHECKS_INTERRUPT, "resume_task does nothing in interrupt", "merged with-ptes", "all") \
	M(PAUSE_TASK_ON_CALLER, "pause_task acts on the caller's state", "merged with-ptes", "all") \
	M(RESUME_TASK_ON_CALLER, "resume_task acts on the caller's state", "merged with-ptes", "all") \
	M(VAIN_CALLS_NOT_COUNTED, "calls in interrupt are not counted", "all", "all") \
	M(FLUSH_ONLY_WHEN_ACTIVE, "arch_flush does nothing unless the task is active", "all", "all") \
	M(STATE_PER_CPU, "the state is kept for the CPU instead of the task", "all", "all") \
	M(FORK_COPIES_NO_STATE, "fork does not copy the state", "all", "all") \
	M(FORK_COPIES_NO_PENDING, "fork does not copy the pending flag", "all", "arm64") \
	M(BARRIER_FOR_INVALID, "an invalid value needs a barrier, too", "all", "arm64") \
	M(PENDING_NOT_CLEARED, "flush does not clear the pending flag", "all", "arm64") \
	M(DIRECT_CLEARS_PENDING, "a direct write's barrier clears the pending flag", "all", "arm64") \
	M(FLUSH_WITHOUT_PENDING, "flush issues a barrier that is not due", "all", "arm64") \
	M(SWITCH_CLEARS_PENDING, "leaving the CPU clears the pending flag", "all", "arm64") \
	M(LEAVING_SERVES_NOTHING, "leaving the CPU is no barrier", "all", "arm64") \
	M(NOTHING_ISSUED_ON_SWITCH, "a switch issues no queue, and is no barrier", "all", "arm64 x86_64") \
	M(NOTHING_ISSUED_ON_MIGRATE, "migrate issues no queue, and is no barrier", "all", "arm64 x86_64") \
	M(NOTHING_ISSUED_ON_SLEEP, "sleep issues no queue, and is no barrier", "all", "arm64 x86_64") \
	M(QUEUE_OF_31, "the queue is issued at 31", "all", "x86_64") \
	M(QUEUE_OF_64, "the queue is not issued at 32", "all", "x86_64") \
	M(DIRECT_OVERTAKES, "a direct write overtakes the queue", "all", "x86_64") \
	M(EMPTY_MULTICALL, "an empty queue is issued as a multicall", "all", "x86_64") \
	M(RUN_NOT_SPLIT, "a run is not split where the validity changes", "amended with-ptes", "s390x") \
	M(INVALID_RUN_COUNTED, "a run of invalid entries is an IPTE", "amended with-ptes", "s390x") \
	M(RANGE_BEGINS_LATE, "the range lacks its first entry", "amended with-ptes", "s390x") \
	M(RANGE_BEGINS_EARLY, "the range has the entry before it", "amended with-ptes", "s390x") \
	M(RANGE_ENDS_EARLY, "the range lacks its last entry", "amended with-ptes", "s390x") \
	M(RANGE_ENDS_LATE, "the range has the entry after it", "amended with-ptes", "s390x") \
	M(GET_READS_MEMORY, "get_pte does not read the cache", "amended with-ptes", "s390x") \
	M(SLOT_SURVIVES_DIRECT, "a slot survives a direct write to its entry", "amended with-ptes", "s390x") \
	M(RANGE_TAKEN_WHEN_NESTED, "a nested enable_with_ptes takes the range without a hook", "amended with-ptes", "s390x") \
	M(ENTER_APPLIES_NOTHING, "enter does not apply what waits", "amended with-ptes", "s390x") \
	M(LEAVE_KEEPS_RANGE, "leave keeps the range", "amended with-ptes", "s390x") \
	M(DIRECT_IPTE_FOR_INVALID, "a direct write to an invalid entry takes an IPTE", "all", "s390x") \
	M(TLB_FLUSH_EMPTIES_NOTHING, "tlb_flush leaves the TLB as it is", "all", "all") \
	M(TLB_HOLDS_INVALID, "the TLB holds invalid entries, too", "all", "all")

#ifdef LMM_MUTANTS

enum lmm_mutant {
	LMM_MUTANT_NONE,
#define LMM_MUTANT_ENUM(name, title, revisions, personalities) LMM_MUTANT_##name,
	LMM_MUTANT_LIST(LMM_MUTANT_ENUM)
#undef LMM_MUTANT_ENUM
};

extern enum lmm_mutant lmm_mutant;

#define LMM_MUTANT(name)	(lmm_mutant == LMM_MUTANT_##name)

/* Wide enough for a counter that is too wide */
typedef u16 lmm_u8;

lmm_u8 lmm_before_up(lmm_u8 count, bool saturates, bool narrow, bool wide);
lmm_u8 lmm_before_down(lmm_u8 count, bool saturates, bool narrow, bool wide);

/* Before ++: what it makes the right value of, or the mutant's */
#define LMM_UP(count, NAME) \
	((count) = lmm_before_up(count, LMM_MUTANT(NAME##_SATURATES_UP), \
				 LMM_MUTANT(NAME##_OF_2_BITS), \
				 LMM_MUTANT(NAME##_OF_16_BITS)))
#define LMM_DOWN(count, NAME) \
	((count) = lmm_before_down(count, LMM_MUTANT(NAME##_SATURATES_DOWN), \
				   LMM_MUTANT(NAME##_OF_2_BITS), \
				   LMM_MUTANT(NAME##_OF_16_BITS)))

#define LMM_IN_INTERRUPT(NAME) \
	(!LMM_MUTANT(NAME##_IN_INTERRUPT) && \
	 (LMM_MUTANT(BH_DISABLED_IS_NO_INTERRUPT) ? \
	  in_hardirq() || in_serving_softirq() : in_interrupt()))

int lmm_mutants_init(void);

#else

#define LMM_MUTANT(name)	false

typedef u8 lmm_u8;

#define LMM_UP(count, NAME)	do { } while (0)
#define LMM_DOWN(count, NAME)	do { } while (0)

#define LMM_IN_INTERRUPT(NAME)	in_interrupt()

static inline int lmm_mutants_init(void)
{
	return 0;
}

#endif /* LMM_MUTANTS */

#endif /* _LAZYMMU_MUTANTS_H */
