// SPDX-License-Identifier: GPL-2.0-only
/*
 * The revisions of September 2025: "proposal" (Kevin Brodsky, 12 September), and
 * "amended", which has Alexander Gordeev's requests of 15 September: pause and resume
 * have hooks of their own, and a second form of enable takes parameters.
 *
 * Thread: [PATCH v2 0/7] Nesting support for lazy MMU mode. The operations are
 * written as in the mails, except that they do nothing in interrupt: the mails only
 * say that they will.
 */
#include <linux/preempt.h>

#include "lazymmu.h"

static void proposal_enable(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

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
	struct lmm_flag_state *state = run->task->state;

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
	struct lmm_flag_state *state = run->task->state;

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
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	state->enabled = false;
	lmm_arch_leave(run);
}

static void proposal_resume(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	lmm_arch_enter(run);
	state->enabled = true;
}

static void amended_pause(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	state->enabled = false;
	lmm_arch_pause(run);
}

static void amended_resume(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	lmm_arch_resume(run);
	/* The public copy of the mail of 15 September has lost this line. */
	state->enabled = true;
}

/* &lmm_api.active of the revisions from proposal to v4 */
bool lmm_flag_active(const struct lmm_task *task)
{
	const struct lmm_flag_state *state = task->state;

	return !in_interrupt() && state->enabled;
}

/* &lmm_api.get_state of the same revisions */
void lmm_flag_get_state(const struct lmm_task *task, u8 state[LMM_NR_STATE])
{
	const struct lmm_flag_state *flag = task->state;

	state[0] = flag->count;
	state[1] = flag->enabled;
}

#define PROPOSAL \
	.state_names	= { "count", "enabled" }, \
	.state_size	= sizeof(struct lmm_flag_state), \
	.enable		= proposal_enable, \
	.disable	= proposal_disable, \
	.active		= lmm_flag_active, \
	.get_state	= lmm_flag_get_state

const struct lmm_api lmm_api_proposal[] = {
	{
		.name = "proposal", PROPOSAL,
		.pause = proposal_pause, .resume = proposal_resume,
	},
	{
		.name = "amended", PROPOSAL,
		.pause = amended_pause, .resume = amended_resume,
		.enable_with_ptes = amended_enable_with_ptes,
	},
	{ }
};
