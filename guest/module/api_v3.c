// SPDX-License-Identifier: GPL-2.0-only
/*
 * The revisions posted in October 2025, "v3" (15 Oct) and "v4" (29 Oct): the
 * proposal with checks. v3 moves counter and flag after the hook, v4 before it.
 *
 * The checks are VM_WARN_ON_ONCE() there. Each counts here, and the call goes on
 * as if what it asks for were so. v4 calls the counter nesting_level, the flag
 * active.
 */
#include <linux/limits.h>
#include <linux/preempt.h>

#include "lazymmu.h"

static void check_enable(struct lmm_run *run, const struct lmm_flag_state *state)
{
	if (!LMM_MUTANT(ENABLE_FULL_UNCHECKED))
		lmm_warn_on(run, state->count == U8_MAX);
	if (!LMM_MUTANT(ENABLE_FLAG_UNCHECKED))
		lmm_warn_on(run, state->count > 0 && !state->enabled);
}

static void v3_enable(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(ENABLE))
		return;

	check_enable(run, state);

	if (LMM_MUTANT(WRAP_CLEARS_ENABLED) && state->count == U8_MAX)
		state->enabled = false;
	if (!state->count) {
		if (LMM_MUTANT(V3_FLAG_BEFORE_HOOK))
			state->enabled = true;
		lmm_arch_enter(run);
		state->enabled = true;
	} else if (LMM_MUTANT(NESTED_ENABLE_ENTERS)) {
		lmm_arch_enter(run);
	}
	LMM_UP(state->count, COUNT);
	state->count++;
}

static void v4_enable(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(ENABLE))
		return;

	check_enable(run, state);

	if (LMM_MUTANT(ENABLE_STATE_AFTER_HOOK) && !state->count) {
		lmm_arch_enter(run);
		state->enabled = true;
		state->count++;
		return;
	}
	LMM_UP(state->count, COUNT);
	if (LMM_MUTANT(WRAP_CLEARS_ENABLED) && state->count == U8_MAX)
		state->enabled = false;
	if (!state->count++) {
		state->enabled = true;
		lmm_arch_enter(run);
	} else if (LMM_MUTANT(NESTED_ENABLE_ENTERS)) {
		lmm_arch_enter(run);
	}
}

static void v3_disable(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(DISABLE))
		return;

	if (!LMM_MUTANT(DISABLE_EMPTY_UNCHECKED))
		lmm_warn_on(run, state->count == 0);
	if (!LMM_MUTANT(DISABLE_FLAG_UNCHECKED))
		lmm_warn_on(run, !state->enabled);

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

static void v3_pause(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(PAUSE))
		return;

	if (!LMM_MUTANT(PAUSE_UNCHECKED))
		lmm_warn_on(run, state->count == 0 || !state->enabled);

	if (!LMM_MUTANT(PAUSE_STATE_AFTER_HOOK))
		state->enabled = false;
	lmm_arch_leave(run);
	if (LMM_MUTANT(PAUSE_STATE_AFTER_HOOK))
		state->enabled = false;
}

static void v3_resume(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(RESUME))
		return;

	if (!LMM_MUTANT(RESUME_UNCHECKED))
		lmm_warn_on(run, state->count == 0 || state->enabled);

	if (LMM_MUTANT(RESUME_STATE_BEFORE_HOOK))
		state->enabled = true;
	lmm_arch_enter(run);
	if (!LMM_MUTANT(RESUME_FORGETS_ENABLED))
		state->enabled = true;
}

static void v4_resume(struct lmm_run *run)
{
	struct lmm_flag_state *state = &run->task->state.flag;

	if (LMM_IN_INTERRUPT(RESUME))
		return;

	if (!LMM_MUTANT(RESUME_UNCHECKED))
		lmm_warn_on(run, state->count == 0 || state->enabled);

	if (!LMM_MUTANT(RESUME_FORGETS_ENABLED) && !LMM_MUTANT(RESUME_STATE_AFTER_HOOK))
		state->enabled = true;
	lmm_arch_enter(run);
	if (LMM_MUTANT(RESUME_STATE_AFTER_HOOK))
		state->enabled = true;
}

const struct lmm_api lmm_api_v3 = {
	.name		= "v3",
	.state_names	= { "count", "enabled" },
	.enable		= v3_enable,
	.disable	= v3_disable,
	.pause		= v3_pause,
	.resume		= v3_resume,
	.active		= lmm_flag_active,
	.state		= lmm_flag_tell,
};

const struct lmm_api lmm_api_v4 = {
	.name		= "v4",
	.state_names	= { "nesting_level", "active" },
	.enable		= v4_enable,
	.disable	= v3_disable,
	.pause		= v3_pause,
	.resume		= v4_resume,
	.active		= lmm_flag_active,
	.state		= lmm_flag_tell,
};
