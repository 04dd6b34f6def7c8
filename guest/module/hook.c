// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arch hooks as the API calls them: whatever precedes a hook in the
 * scenario (before_hook), its letter, its digit and its counter, and then what
 * the personality does.
 */
#include "lazymmu.h"

/**
 * lmm_warn_on() - VM_WARN_ON_ONCE(), except that each one counts
 * @run: the run
 * @condition: what must not be
 */
void lmm_warn_on(struct lmm_run *run, bool condition)
{
	if (condition)
		run->counters[LMM_WARNINGS]++;
}

/**
 * lmm_call_hook() - do what every call of an arch hook does before the hook acts
 * @run: the run
 * @counter: the hook's counter
 * @letter: its letter
 */
void lmm_call_hook(struct lmm_run *run, enum lmm_counter counter, char letter)
{
	lmm_run_list(run, &run->program.steps[run->call->step]);

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
	lmm_call_hook(run, LMM_ARCH_ENTER, 'e');
	if (run->program.arch->enter)
		run->program.arch->enter(run);
}

/**
 * lmm_arch_enter_with_ptes() - arch_enter_lazy_mmu_mode_with_ptes()
 * @run: the run; the range is that of its present step
 */
void lmm_arch_enter_with_ptes(struct lmm_run *run)
{
	const struct lmm_step *step = &run->program.steps[run->call->step];
	struct lmm_range range = { step->index, step->index + step->count };

	if (LMM_MUTANT(WITH_PTES_CALLS_ENTER)) {
		lmm_arch_enter(run);
		return;
	}
	lmm_arch_enter_with_range(run, range);
}

/**
 * lmm_arch_enter_with_range() - the same with a range of the caller's
 * @run: the run
 * @range: entries of the table
 */
void lmm_arch_enter_with_range(struct lmm_run *run, struct lmm_range range)
{
	lmm_call_hook(run, LMM_ARCH_ENTER_WITH_PTES, 'w');
	if (run->program.arch->enter_with_ptes)
		run->program.arch->enter_with_ptes(run, range);
}

#ifdef LMM_MUTANTS
void lmm_arch_take_range(struct lmm_run *run)
{
	const struct lmm_step *step = &run->program.steps[run->call->step];
	struct lmm_range range = { step->index, step->index + step->count };

	if (run->program.arch->enter_with_ptes)
		run->program.arch->enter_with_ptes(run, range);
}
#endif

/**
 * lmm_arch_leave() - arch_leave_lazy_mmu_mode()
 * @run: the run
 */
void lmm_arch_leave(struct lmm_run *run)
{
	lmm_call_hook(run, LMM_ARCH_LEAVE, 'l');
	run->program.arch->leave(run);
}

static bool in_disable(const struct lmm_run *run)
{
	return run->program.steps[run->call->step].op == LMM_OP_DISABLE;
}

/**
 * lmm_arch_flush() - arch_flush_lazy_mmu_mode()
 * @run: the run
 */
void lmm_arch_flush(struct lmm_run *run)
{
	if (LMM_MUTANT(NESTED_DISABLE_LEAVES) && in_disable(run)) {
		lmm_arch_leave(run);
		return;
	}
	if (LMM_MUTANT(NESTED_DISABLE_NO_FLUSH) && in_disable(run))
		return;
	lmm_call_hook(run, LMM_ARCH_FLUSH, 'f');
	if (LMM_MUTANT(FLUSH_ONLY_WHEN_ACTIVE) && !run->call->inside)
		return;
	run->program.arch->flush(run);
}

/**
 * lmm_arch_pause() - arch_pause_lazy_mmu_mode(), or leave where it is not defined
 * @run: the run
 */
void lmm_arch_pause(struct lmm_run *run)
{
	if (!run->program.arch->has_pause) {
		lmm_arch_leave(run);
		return;
	}
	lmm_call_hook(run, LMM_ARCH_PAUSE, 'p');
	run->program.arch->pause(run);
}

/**
 * lmm_arch_resume() - arch_resume_lazy_mmu_mode(), or enter where it is not defined
 * @run: the run
 */
void lmm_arch_resume(struct lmm_run *run)
{
	if (run->program.arch->has_pause)
		lmm_call_hook(run, LMM_ARCH_RESUME, 'r');
	else
		lmm_arch_enter(run);
}
