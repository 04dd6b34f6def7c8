/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the text of a pgtable.h needs to be compiled into this module: the kernel's
 * headers, with the module's task and arch hooks in place of the kernel's. After this
 * file come #defines of names, the text, and header_api.h.
 *
 * Before it, the harness defines LMM_HEADER_STATE, the tag of the state that the text
 * works on (lmm_merged_state, lmm_flag_state or lmm_v4_state), LMM_HEADER_FIRST and
 * LMM_HEADER_SECOND, the names of its fields, and LMM_HEADER_TASKS if another task can
 * be paused, which only lmm_merged_state has.
 */
#ifndef _LAZYMMU_HEADER_H
#define _LAZYMMU_HEADER_H

#include <linux/limits.h>
#include <linux/mm_types.h>
#include <linux/mmdebug.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/pgtable.h>

#include "lazymmu.h"

/* The state of v4, which is that of v3 under other names */
struct lmm_v4_state {
	u8 nesting_level;
	bool active;
};

/* A task as the text sees it */
struct lmm_header_task {
	struct LMM_HEADER_STATE LMM_HEADER_STATE;
};

/* The run, set before each call: the text's functions get none. */
static struct lmm_run *lmm_header_run;

/* The owner of the table, and the address that its first entry maps; unused memory */
static struct mm_struct lmm_header_mm;
#define LMM_HEADER_BASE		(1UL << 30)

static inline struct lmm_header_task *lmm_header_task(const struct lmm_task *task)
{
	return task->state;
}

/* Functions that the text may lack, written as in sched.h and pgtable.h */
#ifdef LMM_HEADER_TASKS
static inline bool lmm_header_task_active(struct lmm_header_task *task)
{
	return task->lmm_merged_state.enable_count > 0 &&
	       task->lmm_merged_state.pause_count == 0;
}

static inline void lmm_header_pause(struct lmm_header_task *task)
{
	struct lmm_merged_state *state = &task->lmm_merged_state;

	lmm_warn_on(lmm_header_run, state->pause_count == U8_MAX);
	if (state->pause_count++ == 0 && state->enable_count > 0)
		lmm_arch_leave(lmm_header_run);
}

static inline void lmm_header_resume(struct lmm_header_task *task)
{
	struct lmm_merged_state *state = &task->lmm_merged_state;

	lmm_warn_on(lmm_header_run, state->pause_count == 0);
	if (--state->pause_count == 0 && state->enable_count > 0)
		lmm_arch_enter(lmm_header_run);
}
#else
static inline bool lmm_header_task_active(struct lmm_header_task *task)
{
	return task->LMM_HEADER_STATE.LMM_HEADER_SECOND;
}
#endif

static inline bool lmm_header_active(void)
{
	return !in_interrupt() &&
	       lmm_header_task_active(lmm_header_task(lmm_header_run->task));
}

/*
 * Passes the range on to the module's hook. An inconsistent range, or one outside the
 * table, becomes an empty one, so that no write in it is deferred.
 */
static inline void lmm_header_enter_with_ptes(const struct mm_struct *mm,
					      unsigned long addr,
					      unsigned long end, const pte_t *ptep)
{
	const u64 *entry = (const u64 *)ptep, *table = lmm_header_run->table.memory;
	unsigned long first = (addr - LMM_HEADER_BASE) / PAGE_SIZE;
	unsigned long after = (end - LMM_HEADER_BASE) / PAGE_SIZE;
	struct lmm_range range = { 0, 0 };

	BUILD_BUG_ON(sizeof(*ptep) != sizeof(*entry));
	if (mm == &lmm_header_mm && !((addr | end) % PAGE_SIZE) &&
	    first <= after && after <= LMM_TABLE_ENTRIES && entry == table + first)
		range = (struct lmm_range){ first, after };
	lmm_arch_enter_with_range(lmm_header_run, range);
}

/* Counts each failed check; its value is the condition's, as the kernel's macros have it. */
#define lmm_header_warn_on(condition) ({				\
	bool __lmm_failed = !!(condition);				\
									\
	lmm_warn_on(lmm_header_run, __lmm_failed);			\
	__lmm_failed;							\
})

#undef VM_WARN_ON
#undef VM_WARN_ON_ONCE
#undef VM_WARN
#undef VM_WARN_ONCE
#undef WARN_ON
#undef WARN_ON_ONCE
#undef WARN
#undef WARN_ONCE
#undef VM_BUG_ON
#define VM_WARN_ON(condition)			lmm_header_warn_on(condition)
#define VM_WARN_ON_ONCE(condition)		lmm_header_warn_on(condition)
#define VM_WARN(condition, format...)		lmm_header_warn_on(condition)
#define VM_WARN_ONCE(condition, format...)	lmm_header_warn_on(condition)
#define WARN_ON(condition)			lmm_header_warn_on(condition)
#define WARN_ON_ONCE(condition)			lmm_header_warn_on(condition)
#define WARN(condition, format...)		lmm_header_warn_on(condition)
#define WARN_ONCE(condition, format...)		lmm_header_warn_on(condition)
#define VM_BUG_ON(condition)			lmm_header_warn_on(condition)

/*
 * A kernel that has the hooks defines functions, macros, or both. The series of 2026
 * had two other names for the one with a range before.
 */
#undef arch_enter_lazy_mmu_mode
#undef arch_enter_lazy_mmu_mode_with_ptes
#undef arch_enter_lazy_mmu_mode_for_pte_range
#undef arch_enter_lazy_mmu_mode_pte
#undef arch_leave_lazy_mmu_mode
#undef arch_flush_lazy_mmu_mode
#undef arch_pause_lazy_mmu_mode
#undef arch_resume_lazy_mmu_mode
#define arch_enter_lazy_mmu_mode()	lmm_arch_enter(lmm_header_run)
#define arch_enter_lazy_mmu_mode_with_ptes(mm, addr, end, ptep) \
	lmm_header_enter_with_ptes(mm, addr, end, ptep)
#define arch_enter_lazy_mmu_mode_for_pte_range(mm, addr, end, ptep) \
	lmm_header_enter_with_ptes(mm, addr, end, ptep)
#define arch_enter_lazy_mmu_mode_pte(mm, addr, end, ptep) \
	lmm_header_enter_with_ptes(mm, addr, end, ptep)
#define arch_leave_lazy_mmu_mode()	lmm_arch_leave(lmm_header_run)
#define arch_flush_lazy_mmu_mode()	lmm_arch_flush(lmm_header_run)
#define arch_pause_lazy_mmu_mode()	lmm_arch_pause(lmm_header_run)
#define arch_resume_lazy_mmu_mode()	lmm_arch_resume(lmm_header_run)

/* The structure's tag and the member of task_struct */
#define lazy_mmu_state		LMM_HEADER_STATE
#define task_struct		lmm_header_task
#undef current
#define current			lmm_header_task(lmm_header_run->task)

/* The text may test it again, also in a kernel without it. */
#undef CONFIG_ARCH_HAS_LAZY_MMU_MODE
#undef CONFIG_ARCH_LAZY_MMU
#define CONFIG_ARCH_HAS_LAZY_MMU_MODE 1
#define CONFIG_ARCH_LAZY_MMU 1		/* its name in v3 */

#endif /* _LAZYMMU_HEADER_H */
