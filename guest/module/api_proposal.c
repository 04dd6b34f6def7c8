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
#include <linux/preempt.h>

#include "lazymmu.h"

static void proposal_enable(struct lmm_run *run)
{
	struct lmm_proposal_state *state = &run->task->state.proposal;

	if (in_interrupt())
		return;

	if (!state->count) {
		lmm_arch_enter(run);
		state->enabled = true;
	}
	state->count++;
}

static void amended_enable_with_ptes(struct lmm_run *run)
{
	struct lmm_proposal_state *state = &run->task->state.proposal;

	if (in_interrupt())
		return;

	if (!state->count) {
		lmm_arch_enter_with_ptes(run);
		state->enabled = true;
	}
	state->count++;
}

static void proposal_disable(struct lmm_run *run)
{
	struct lmm_proposal_state *state = &run->task->state.proposal;

	if (in_interrupt())
		return;

	state->count--;
	if (!state->count) {
		state->enabled = false;
		lmm_arch_leave(run);
	} else {
		lmm_arch_flush(run);
	}
}

static void proposal_pause(struct lmm_run *run)
{
	struct lmm_proposal_state *state = &run->task->state.proposal;

	if (in_interrupt())
		return;

	state->enabled = false;
	lmm_arch_leave(run);
}

static void proposal_resume(struct lmm_run *run)
{
	struct lmm_proposal_state *state = &run->task->state.proposal;

	if (in_interrupt())
		return;

	lmm_arch_enter(run);
	state->enabled = true;
}

static void amended_pause(struct lmm_run *run)
{
	struct lmm_proposal_state *state = &run->task->state.proposal;

	if (in_interrupt())
		return;

	state->enabled = false;
	lmm_arch_pause(run);
}

static void amended_resume(struct lmm_run *run)
{
	struct lmm_proposal_state *state = &run->task->state.proposal;

	if (in_interrupt())
		return;

	lmm_arch_resume(run);
	/* The public copy of the mail of 15 Sep drops this line of the quote. */
	state->enabled = true;
}

static bool proposal_active(const struct lmm_task *task)
{
	return !in_interrupt() && task->state.proposal.enabled;
}

static void proposal_state(const struct lmm_task *task, u8 state[LMM_NR_STATE])
{
	state[0] = task->state.proposal.count;
	state[1] = task->state.proposal.enabled;
}

const struct lmm_api lmm_api_proposal = {
	.name		= "proposal",
	.state_names	= { "count", "enabled" },
	.enable		= proposal_enable,
	.disable	= proposal_disable,
	.pause		= proposal_pause,
	.resume		= proposal_resume,
	.active		= proposal_active,
	.state		= proposal_state,
};

const struct lmm_api lmm_api_amended = {
	.name			= "amended",
	.state_names		= { "count", "enabled" },
	.enable			= proposal_enable,
	.disable		= proposal_disable,
	.pause			= amended_pause,
	.resume			= amended_resume,
	.enable_with_ptes	= amended_enable_with_ptes,
	.active			= proposal_active,
	.state			= proposal_state,
};
