// SPDX-License-Identifier: GPL-2.0-only
/*
 * The revision "merged", Linux 7.0 and later (include/linux/pgtable.h), and
 * "with-ptes", the same with lazy_mmu_mode_enable_with_ptes() of the s390 series
 * of 2026. The operations stand as there; their VM_WARN_ON_ONCE() counts each
 * time here, since Debian's kernels have CONFIG_DEBUG_VM off.
 */
#include <linux/limits.h>
#include <linux/preempt.h>

#include "lazymmu.h"

static bool ignores_enable(const struct lmm_merged_state *state)
{
	return state->pause_count > 0 && !LMM_MUTANT(ENABLE_COUNTED_WHILE_PAUSED);
}

static void check_enable(struct lmm_run *run, const struct lmm_merged_state *state)
{
	if (!LMM_MUTANT(ENABLE_FULL_UNCHECKED))
		lmm_warn_on(run, state->enable_count == U8_MAX);
}

static void merged_enable(struct lmm_run *run)
{
	struct lmm_merged_state *state = &run->task->state.merged;

	if (LMM_IN_INTERRUPT(ENABLE) || ignores_enable(state))
		return;

	check_enable(run, state);

	if (LMM_MUTANT(ENABLE_STATE_AFTER_HOOK) && !state->enable_count) {
		lmm_arch_enter(run);
		state->enable_count++;
		return;
	}
	LMM_UP(state->enable_count, ENABLE_COUNT);
	if (state->enable_count++ == 0)
		lmm_arch_enter(run);
	else if (LMM_MUTANT(NESTED_ENABLE_ENTERS))
		lmm_arch_enter(run);
}

static void with_ptes_enable(struct lmm_run *run)
{
	struct lmm_merged_state *state = &run->task->state.merged;

	if (LMM_IN_INTERRUPT(WITH_PTES) || ignores_enable(state))
		return;

	check_enable(run, state);

	LMM_UP(state->enable_count, ENABLE_COUNT);
	if (state->enable_count++ == 0)
		lmm_arch_enter_with_ptes(run);
	else if (LMM_MUTANT(NESTED_WITH_PTES_CALLS_HOOK))
		lmm_arch_enter_with_ptes(run);
	else if (LMM_MUTANT(RANGE_TAKEN_WHEN_NESTED))
		lmm_arch_take_range(run);
}

static void merged_disable(struct lmm_run *run)
{
	struct lmm_merged_state *state = &run->task->state.merged;

	if (LMM_IN_INTERRUPT(DISABLE) ||
	    (state->pause_count > 0 && !LMM_MUTANT(DISABLE_COUNTED_WHILE_PAUSED)))
		return;

	if (!LMM_MUTANT(DISABLE_EMPTY_UNCHECKED))
		lmm_warn_on(run, state->enable_count == 0);

	if (LMM_MUTANT(DISABLE_STATE_AFTER_HOOK) && state->enable_count == 1) {
		lmm_arch_leave(run);
		state->enable_count--;
		return;
	}
	LMM_DOWN(state->enable_count, ENABLE_COUNT);
	if (--state->enable_count == 0)
		lmm_arch_leave(run);
	else /* Exiting a nested section */
		lmm_arch_flush(run);
}

/* The task is the caller itself, or another one, as in Xen's context switch. */
static void merged_pause_task(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_merged_state *state = &task->state.merged;

	if (!LMM_MUTANT(PAUSE_UNCHECKED))
		lmm_warn_on(run, state->pause_count == U8_MAX);

	if (LMM_MUTANT(NESTED_PAUSE_NOT_COUNTED) && state->pause_count > 0)
		return;
	if (LMM_MUTANT(PAUSE_STATE_AFTER_HOOK) && !state->pause_count &&
	    state->enable_count > 0) {
		lmm_arch_leave(run);
		state->pause_count++;
		return;
	}
	LMM_UP(state->pause_count, PAUSE_COUNT);
	if (state->pause_count++ == 0 &&
	    (state->enable_count > 0 || LMM_MUTANT(PAUSE_OUTSIDE_LEAVES)))
		lmm_arch_leave(run);
}

static void merged_resume_task(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_merged_state *state = &task->state.merged;

	if (!LMM_MUTANT(RESUME_UNCHECKED))
		lmm_warn_on(run, state->pause_count == 0);

	if (LMM_MUTANT(RESUME_STATE_AFTER_HOOK) && state->pause_count == 1 &&
	    state->enable_count > 0) {
		lmm_arch_enter(run);
		state->pause_count--;
		return;
	}
	LMM_DOWN(state->pause_count, PAUSE_COUNT);
	if ((--state->pause_count == 0 || LMM_MUTANT(RESUME_ENTERS_WHILE_PAUSED)) &&
	    (state->enable_count > 0 || LMM_MUTANT(RESUME_OUTSIDE_ENTERS)))
		lmm_arch_enter(run);
}

static void merged_pause(struct lmm_run *run)
{
	if (LMM_IN_INTERRUPT(PAUSE))
		return;

	merged_pause_task(run, run->task);
}

static void merged_resume(struct lmm_run *run)
{
	if (LMM_IN_INTERRUPT(RESUME))
		return;

	merged_resume_task(run, run->task);
}

static bool merged_active(const struct lmm_task *task)
{
	if (LMM_IN_INTERRUPT(ACTIVE))
		return false;

	return task->state.merged.enable_count > 0 &&
	       task->state.merged.pause_count == 0;
}

static void merged_state(const struct lmm_task *task, u8 state[LMM_NR_STATE])
{
	state[0] = task->state.merged.enable_count;
	state[1] = task->state.merged.pause_count;
}

const struct lmm_api lmm_api_merged = {
	.name		= "merged",
	.state_names	= { "enable_count", "pause_count" },
	.enable		= merged_enable,
	.disable	= merged_disable,
	.pause		= merged_pause,
	.resume		= merged_resume,
	.pause_task	= merged_pause_task,
	.resume_task	= merged_resume_task,
	.active		= merged_active,
	.state		= merged_state,
};

const struct lmm_api lmm_api_with_ptes = {
	.name			= "with-ptes",
	.state_names		= { "enable_count", "pause_count" },
	.enable			= merged_enable,
	.disable		= merged_disable,
	.pause			= merged_pause,
	.resume			= merged_resume,
	.enable_with_ptes	= with_ptes_enable,
	.pause_task		= merged_pause_task,
	.resume_task		= merged_resume_task,
	.active			= merged_active,
	.state			= merged_state,
};
