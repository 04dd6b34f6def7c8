// SPDX-License-Identifier: GPL-2.0-only
/*
 * The revision "merged": Linux 7.0 and later, include/linux/pgtable.h. The
 * operations stand as there; its VM_WARN_ON_ONCE() counts each time here, since
 * Debian's kernels have CONFIG_DEBUG_VM off.
 */
#include <linux/limits.h>
#include <linux/preempt.h>

#include "lazymmu.h"

static void warn_on(struct lmm_run *run, bool condition)
{
	if (condition)
		run->counters[LMM_WARNINGS]++;
}

static void merged_enable(struct lmm_run *run)
{
	struct lmm_merged_state *state = &run->task->state.merged;

	if (in_interrupt() || state->pause_count > 0)
		return;

	warn_on(run, state->enable_count == U8_MAX);

	if (state->enable_count++ == 0)
		lmm_arch_enter(run);
}

static void merged_disable(struct lmm_run *run)
{
	struct lmm_merged_state *state = &run->task->state.merged;

	if (in_interrupt() || state->pause_count > 0)
		return;

	warn_on(run, state->enable_count == 0);

	if (--state->enable_count == 0)
		lmm_arch_leave(run);
	else /* Exiting a nested section */
		lmm_arch_flush(run);
}

static void merged_pause(struct lmm_run *run)
{
	struct lmm_merged_state *state = &run->task->state.merged;

	if (in_interrupt())
		return;

	warn_on(run, state->pause_count == U8_MAX);

	if (state->pause_count++ == 0 && state->enable_count > 0)
		lmm_arch_leave(run);
}

static void merged_resume(struct lmm_run *run)
{
	struct lmm_merged_state *state = &run->task->state.merged;

	if (in_interrupt())
		return;

	warn_on(run, state->pause_count == 0);

	if (--state->pause_count == 0 && state->enable_count > 0)
		lmm_arch_enter(run);
}

static bool merged_active(const struct lmm_task *task)
{
	if (in_interrupt())
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
	.active		= merged_active,
	.state		= merged_state,
};
