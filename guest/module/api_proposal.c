// SPDX-License-Identifier: GPL-2.0-only
/*
 * The revisions of September 2025: "proposal" (Kevin Brodsky, 12 Sep) and
 * "amended" (the same with what Alexander Gordeev asked for on 15 Sep: resume
 * and pause have hooks of their own, and enable has a friend with parameters).
 *
 * Thread: [PATCH v2 0/7] Nesting support for lazy MMU mode. The operations stand
 * as in the mails, save that they do nothing in interrupt: the mails announce
 * that in words only.
 */
#include <linux/limits.h>
#include <linux/preempt.h>

#include "lazymmu.h"

static void proposal_enable(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(ENABLE))
		return;

	if (LMM_MUTANT(ENABLE_STATE_BEFORE_HOOK) && !state->count) {
		state->enabled = true;
		state->count++;
		lmm_arch_enter(run);
		return;
	}
	if (LMM_MUTANT(WRAP_CLEARS_ENABLED) && state->count == U8_MAX)
		state->enabled = false;
	if (!state->count) {
		lmm_arch_enter(run);
		state->enabled = true;
	} else if (LMM_MUTANT(NESTED_ENABLE_ENTERS)) {
		lmm_arch_enter(run);
	}
	LMM_UP(state->count, COUNT);
	state->count++;
}

static void amended_enable_with_ptes(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(WITH_PTES))
		return;

	if (!state->count) {
		lmm_arch_enter_with_ptes(run);
		state->enabled = true;
	} else if (LMM_MUTANT(NESTED_WITH_PTES_CALLS_HOOK)) {
		lmm_arch_enter_with_ptes(run);
	} else if (LMM_MUTANT(RANGE_TAKEN_WHEN_NESTED)) {
		lmm_arch_take_range(run);
	}
	LMM_UP(state->count, COUNT);
	state->count++;
}

static void proposal_disable(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(DISABLE))
		return;

	LMM_DOWN(state->count, COUNT);
	state->count--;
	if (!state->count) {
		if (!LMM_MUTANT(DISABLE_STATE_AFTER_HOOK))
			state->enabled = false;
		lmm_arch_leave(run);
		if (LMM_MUTANT(DISABLE_STATE_AFTER_HOOK))
			state->enabled = false;
	} else {
		lmm_arch_flush(run);
	}
}

static void proposal_pause(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(PAUSE))
		return;

	if (!LMM_MUTANT(PAUSE_STATE_AFTER_HOOK))
		state->enabled = false;
	lmm_arch_leave(run);
	if (LMM_MUTANT(PAUSE_STATE_AFTER_HOOK))
		state->enabled = false;
}

static void proposal_resume(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(RESUME))
		return;

	if (LMM_MUTANT(RESUME_STATE_BEFORE_HOOK))
		state->enabled = true;
	lmm_arch_enter(run);
	if (!LMM_MUTANT(RESUME_FORGETS_ENABLED))
		state->enabled = true;
}

static void amended_pause(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(PAUSE))
		return;

	if (!LMM_MUTANT(PAUSE_STATE_AFTER_HOOK))
		state->enabled = false;
	if (LMM_MUTANT(PAUSE_CALLS_LEAVE))
		lmm_arch_leave(run);
	else
		lmm_arch_pause(run);
	if (LMM_MUTANT(PAUSE_STATE_AFTER_HOOK))
		state->enabled = false;
}

static void amended_resume(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(RESUME))
		return;

	if (LMM_MUTANT(RESUME_STATE_BEFORE_HOOK))
		state->enabled = true;
	if (LMM_MUTANT(RESUME_CALLS_ENTER))
		lmm_arch_enter(run);
	else
		lmm_arch_resume(run);
	/* The public copy of the mail of 15 Sep drops this line of the quote. */
	if (!LMM_MUTANT(RESUME_FORGETS_ENABLED))
		state->enabled = true;
}

/**
 * lmm_flag_active() - is a task active? &lmm_api.active from proposal to v4
 * @task: the task
 *
 * Return: true if it is, never in interrupt.
 */
bool lmm_flag_active(const struct lmm_task *task)
{
	return !LMM_IN_INTERRUPT(ACTIVE) && task->state.flag.enabled;
}

/**
 * lmm_flag_tell() - &lmm_api.state from proposal to v4
 * @task: the task
 * @state: where to store counter and flag
 */
void lmm_flag_tell(const struct lmm_task *task, u8 state[LMM_NR_STATE])
{
	state[0] = task->state.flag.count;
	state[1] = task->state.flag.enabled;
}

const struct lmm_api lmm_api_proposal = {
	.name		= "proposal",
	.state_names	= { "count", "enabled" },
	.enable		= proposal_enable,
	.disable	= proposal_disable,
	.pause		= proposal_pause,
	.resume		= proposal_resume,
	.active		= lmm_flag_active,
	.state		= lmm_flag_tell,
};

const struct lmm_api lmm_api_amended = {
	.name			= "amended",
	.state_names		= { "count", "enabled" },
	.enable			= proposal_enable,
	.disable		= proposal_disable,
	.pause			= amended_pause,
	.resume			= amended_resume,
	.enable_with_ptes	= amended_enable_with_ptes,
	.active			= lmm_flag_active,
	.state			= lmm_flag_tell,
};
