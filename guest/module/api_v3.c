// SPDX-License-Identifier: GPL-2.0-only
/*
 * The revisions posted in October 2025, "v3" (15 October) and "v4" (29 October): the
 * proposal with checks. v3 moves counter and flag after the hook, v4 before it.
 *
 * The checks are VM_WARN_ON_ONCE() there. Here each failed check counts, and the
 * call continues. v4 calls the counter nesting_level and the flag active.
 */
#include <linux/limits.h>
#include <linux/preempt.h>

#include "lazymmu.h"

static void v3_enable(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	lmm_warn_on(run, state->count == U8_MAX);
	lmm_warn_on(run, state->count > 0 && !state->enabled);

	if (!state->count) {
		lmm_arch_enter(run);
		state->enabled = true;
	}
	state->count++;
}

static void v4_enable(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	lmm_warn_on(run, state->count == U8_MAX);
	lmm_warn_on(run, state->count > 0 && !state->enabled);

	if (!state->count++) {
		state->enabled = true;
		lmm_arch_enter(run);
	}
}

static void v3_disable(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	lmm_warn_on(run, state->count == 0);
	lmm_warn_on(run, !state->enabled);

	state->count--;
	if (!state->count) {
		state->enabled = false;
		lmm_arch_leave(run);
	} else {
		lmm_arch_flush(run);
	}
}

static void v3_pause(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	lmm_warn_on(run, state->count == 0 || !state->enabled);

	state->enabled = false;
	lmm_arch_leave(run);
}

static void v3_resume(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	lmm_warn_on(run, state->count == 0 || state->enabled);

	lmm_arch_enter(run);
	state->enabled = true;
}

static void v4_resume(struct lmm_run *run)
{
	struct lmm_flag_state *state = run->task->state;

	if (in_interrupt())
		return;

	lmm_warn_on(run, state->count == 0 || state->enabled);

	state->enabled = true;
	lmm_arch_enter(run);
}

#define V3 \
	.state_size	= sizeof(struct lmm_flag_state), \
	.disable	= v3_disable, \
	.pause		= v3_pause, \
	.active		= lmm_flag_active, \
	.get_state	= lmm_flag_get_state

const struct lmm_api lmm_api_v3[] = {
	{
		.name = "v3", V3, .state_names = { "count", "enabled" },
		.enable = v3_enable, .resume = v3_resume,
	},
	{
		.name = "v4", V3, .state_names = { "nesting_level", "active" },
		.enable = v4_enable, .resume = v4_resume,
	},
	{ }
};
