// SPDX-License-Identifier: GPL-2.0-only
/*
 * The revision "merged", Linux 7.0 and later (include/linux/pgtable.h), and
 * "with-ptes", which adds lazy_mmu_mode_enable_with_ptes() from the s390 series of
 * 2026. The operations are written as there. lmm_warn_on() replaces
 * VM_WARN_ON_ONCE(), because Debian's kernels have CONFIG_DEBUG_VM off.
 */
#include <linux/limits.h>
#include <linux/preempt.h>

#include "lazymmu.h"

static void merged_enable(struct lmm_run *run)
{
	struct lmm_merged_state *state = run->task->state;

	if (in_interrupt() || state->pause_count > 0)
		return;

	lmm_warn_on(run, state->enable_count == U8_MAX);

	if (state->enable_count++ == 0)
		lmm_arch_enter(run);
}

static void with_ptes_enable(struct lmm_run *run)
{
	struct lmm_merged_state *state = run->task->state;

	if (in_interrupt() || state->pause_count > 0)
		return;

	lmm_warn_on(run, state->enable_count == U8_MAX);

	if (state->enable_count++ == 0)
		lmm_arch_enter_with_ptes(run);
}

static void merged_disable(struct lmm_run *run)
{
	struct lmm_merged_state *state = run->task->state;

	if (in_interrupt() || state->pause_count > 0)
		return;

	lmm_warn_on(run, state->enable_count == 0);

	if (--state->enable_count == 0)
		lmm_arch_leave(run);
	else /* Exiting a nested section */
		lmm_arch_flush(run);
}

static void merged_pause_task(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_merged_state *state = task->state;

	lmm_warn_on(run, state->pause_count == U8_MAX);

	if (state->pause_count++ == 0 && state->enable_count > 0)
		lmm_arch_leave(run);
}

static void merged_pause(struct lmm_run *run)
{
	if (in_interrupt())
		return;

	merged_pause_task(run, run->task);
}

static void merged_resume_task(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_merged_state *state = task->state;

	lmm_warn_on(run, state->pause_count == 0);

	if (--state->pause_count == 0 && state->enable_count > 0)
		lmm_arch_enter(run);
}

static void merged_resume(struct lmm_run *run)
{
	if (in_interrupt())
		return;

	merged_resume_task(run, run->task);
}

static bool merged_active(const struct lmm_task *task)
{
	const struct lmm_merged_state *state = task->state;

	if (in_interrupt())
		return false;

	return state->enable_count > 0 && state->pause_count == 0;
}

static void merged_get_state(const struct lmm_task *task, u8 state[LMM_NR_STATE])
{
	const struct lmm_merged_state *merged = task->state;

	state[0] = merged->enable_count;
	state[1] = merged->pause_count;
}

#define MERGED \
	.state_names	= { "enable_count", "pause_count" }, \
	.state_size	= sizeof(struct lmm_merged_state), \
	.enable		= merged_enable, \
	.disable	= merged_disable, \
	.pause		= merged_pause, \
	.resume		= merged_resume, \
	.pause_task	= merged_pause_task, \
	.resume_task	= merged_resume_task, \
	.active		= merged_active, \
	.get_state	= merged_get_state

const struct lmm_api lmm_api_merged[] = {
	{ .name = "merged", MERGED },
	{ .name = "with-ptes", MERGED, .enable_with_ptes = with_ptes_enable },
	{ }
};
