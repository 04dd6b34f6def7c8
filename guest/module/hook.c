// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arch hooks that the API calls: each first runs the step's before_hook and is
 * recorded (lmm_call_hook()), then the personality acts.
 */
#include "lazymmu.h"

/* VM_WARN_ON_ONCE(), but counts each failed check */
void lmm_warn_on(struct lmm_run *run, bool condition)
{
	if (condition)
		run->counters[LMM_WARNINGS]++;
}

/* arch_enter_lazy_mmu_mode() */
void lmm_arch_enter(struct lmm_run *run)
{
	lmm_call_hook(run, LMM_ARCH_ENTER, 'e');
	if (run->program.arch->enter)
		run->program.arch->enter(run);
}

/* arch_enter_lazy_mmu_mode_with_ptes() with the range of the present step */
void lmm_arch_enter_with_ptes(struct lmm_run *run)
{
	const struct lmm_step *step = &run->program.steps[run->call->step];
	struct lmm_range range = { step->index, step->index + step->count };

	lmm_arch_enter_with_range(run, range);
}

/* The same with a range of the caller's */
void lmm_arch_enter_with_range(struct lmm_run *run, struct lmm_range range)
{
	lmm_call_hook(run, LMM_ARCH_ENTER_WITH_PTES, 'w');
	if (run->program.arch->enter_with_ptes)
		run->program.arch->enter_with_ptes(run, range);
}

/* arch_leave_lazy_mmu_mode() */
void lmm_arch_leave(struct lmm_run *run)
{
	lmm_call_hook(run, LMM_ARCH_LEAVE, 'l');
	run->program.arch->leave(run);
}

/* arch_flush_lazy_mmu_mode() */
void lmm_arch_flush(struct lmm_run *run)
{
	lmm_call_hook(run, LMM_ARCH_FLUSH, 'f');
	run->program.arch->flush(run);
}

/* arch_pause_lazy_mmu_mode(), or leave if the architecture does not define it */
void lmm_arch_pause(struct lmm_run *run)
{
	if (!run->program.arch->pause) {
		lmm_arch_leave(run);
		return;
	}
	lmm_call_hook(run, LMM_ARCH_PAUSE, 'p');
	run->program.arch->pause(run);
}

/* arch_resume_lazy_mmu_mode(), or enter if the architecture does not define it */
void lmm_arch_resume(struct lmm_run *run)
{
	if (!run->program.arch->resume) {
		lmm_arch_enter(run);
		return;
	}
	lmm_call_hook(run, LMM_ARCH_RESUME, 'r');
	run->program.arch->resume(run);
}
