// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arch hooks as the API calls them: whatever precedes a hook in the
 * scenario (before_hook), its letter, its digit and its counter.
 */
#include "lazymmu.h"

static void run_before_hook(struct lmm_run *run)
{
	u32 step = run->call->step;

	lmm_run_steps(run, step + 1, run->program.steps[step].end);
}

static void call_hook(struct lmm_run *run, enum lmm_counter counter, char letter)
{
	run_before_hook(run);

	run->call->hook = letter;
	run->call->inside = run->program.api->active(run->task);
	run->counters[counter]++;
}

/**
 * lmm_arch_enter() - arch_enter_lazy_mmu_mode()
 * @run: the run
 */
void lmm_arch_enter(struct lmm_run *run)
{
	call_hook(run, LMM_ARCH_ENTER, 'e');
}

/**
 * lmm_arch_enter_with_ptes() - arch_enter_lazy_mmu_mode_with_ptes()
 * @run: the run
 */
void lmm_arch_enter_with_ptes(struct lmm_run *run)
{
	call_hook(run, LMM_ARCH_ENTER_WITH_PTES, 'w');
}

/**
 * lmm_arch_leave() - arch_leave_lazy_mmu_mode()
 * @run: the run
 */
void lmm_arch_leave(struct lmm_run *run)
{
	call_hook(run, LMM_ARCH_LEAVE, 'l');
}

/**
 * lmm_arch_flush() - arch_flush_lazy_mmu_mode()
 * @run: the run
 */
void lmm_arch_flush(struct lmm_run *run)
{
	call_hook(run, LMM_ARCH_FLUSH, 'f');
}

/**
 * lmm_arch_pause() - arch_pause_lazy_mmu_mode(), or leave where it is not defined
 * @run: the run
 */
void lmm_arch_pause(struct lmm_run *run)
{
	if (run->program.arch->has_pause)
		call_hook(run, LMM_ARCH_PAUSE, 'p');
	else
		lmm_arch_leave(run);
}

/**
 * lmm_arch_resume() - arch_resume_lazy_mmu_mode(), or enter where it is not defined
 * @run: the run
 */
void lmm_arch_resume(struct lmm_run *run)
{
	if (run->program.arch->has_pause)
		call_hook(run, LMM_ARCH_RESUME, 'r');
	else
		lmm_arch_enter(run);
}
