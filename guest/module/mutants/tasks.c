// SPDX-License-Identifier: GPL-2.0-only
/* Mutants of tasks and CPUs, and of what all or most personalities do there */
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "mutants.h"

static void needs_active(struct lmm_run *run)
{
	if (lmm_real_api->active(run->task))
		lmm_real_arch->flush(run);
}

/* CPUs and tasks */

static void leaves_state(struct lmm_run *run)
{
	lmm_real_switch_out(run);
	memcpy(lmm_mutant_cpu(run)->state, run->task->state, lmm_real_api->state_size);
}

static void takes_state(struct lmm_run *run)
{
	memcpy(run->task->state, lmm_mutant_cpu(run)->state, lmm_real_api->state_size);
	lmm_real_switch_in(run);
}

static void leaves_hold(struct lmm_run *run)
{
	lmm_mutant_cpu(run)->hold = run->task->hold;
}

static void takes_hold(struct lmm_run *run)
{
	run->task->hold = lmm_mutant_cpu(run)->hold;
}

static void leaves_all_waiting(struct lmm_run *run)
{
	if (!lmm_step_is_mutated(run))
		lmm_real_arch->switch_out(run);
}

/* The step is executed by the thread of the task that leaves, or of the one that comes. */
static void leaves_when_it_runs(struct lmm_run *run)
{
	if (run->task->thread == current)
		lmm_real_arch->switch_out(run);
}

static void leaves_flushed(struct lmm_run *run)
{
	lmm_real_arch->flush(run);
}

static void copies_no_state(const struct lmm_run *run, struct lmm_task *child)
{
	memset(child->state, 0, lmm_real_api->state_size);
	if (lmm_real_arch->fork)
		lmm_real_arch->fork(run, child);
}

static void copies_hold(const struct lmm_run *run, struct lmm_task *child)
{
	child->hold = run->task->hold;
}

static void keeps_hold(struct lmm_run *run)
{
	lmm_real_arch->leave(run);
	run->task->hold++;
}

static void act_on_first_cpu(struct lmm_run *run, void (*hook)(struct lmm_run *run))
{
	unsigned int cpu = run->task->cpu;

	run->task->cpu = lmm_first_cpu;
	hook(run);
	run->task->cpu = cpu;
}

static void flushes_first_cpu(struct lmm_run *run)
{
	act_on_first_cpu(run, lmm_real_arch->flush);
}

static void leaves_first_cpu(struct lmm_run *run)
{
	act_on_first_cpu(run, lmm_real_arch->leave);
}

/* Where the code may sleep */

static bool is_in_interrupt(void)
{
	return in_hardirq();
}

static bool is_in_softirq(void)
{
	return in_serving_softirq() && !in_hardirq();
}

static bool is_bh_disabled(void)
{
	return in_softirq() && !in_serving_softirq() && !in_hardirq();
}

static bool is_irqs_off(void)
{
	return irqs_disabled() && !in_interrupt();
}

static bool may_in_unseen(const struct lmm_run *run)
{
	return (lmm_mutant->unseen() && !run->task->hold) || __real_lmm_may_sleep(run);
}

static bool may_with_any_hold(const struct lmm_run *run)
{
	return !in_interrupt() && !irqs_disabled();
}

static bool may_with_hold_below_0(const struct lmm_run *run)
{
	return run->task->hold < 0 ? may_with_any_hold(run) : __real_lmm_may_sleep(run);
}

static bool may_not_in_context_outside(const struct lmm_run *run)
{
	return __real_lmm_may_sleep(run) && !run->list->atomic;
}

static bool is_not_looked_at(const struct lmm_run *run)
{
	return lmm_step_is_mutated(run) || __real_lmm_may_sleep(run);
}

/* meanwhile */

static void looks(struct lmm_run *run, const struct lmm_step *step)
{
	lmm_might_sleep(run);
	__real_lmm_meanwhile(run, step);
}

static void leaves_meanwhile(struct lmm_run *run, const struct lmm_step *step)
{
	lmm_real_switch_out(run);
	__real_lmm_meanwhile(run, step);
	lmm_real_switch_in(run);
}

static void ends_absent(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *outside = run->task, *task = &run->tasks[step->task];

	__real_lmm_meanwhile(run, step);
	run->task = task;
	lmm_real_switch_out(run);
	run->present[task->cpu] = NULL;
	run->task = outside;
}

#define LEAVES_WAITING(OP)	.arch.switch_out = leaves_all_waiting, .ops = BIT(LMM_OP_##OP)
#define DOES_NOT_SEE(context)	.may_sleep = may_in_unseen, .unseen = context
#define DOES_NOT_LOOK(OP)	.may_sleep = is_not_looked_at, .ops = BIT(LMM_OP_##OP)

const struct lmm_mutant lmm_task_mutants[] = {
	M(FLUSH_ONLY_WHEN_ACTIVE, "arch_flush does nothing unless the task is active", ALL, ALL,
	  .arch.flush = needs_active),
	M(HOOK_ON_FIRST_CPU, "a hook acts on the CPU of the task before its before_hook", ALL,
	  HOLDS, .arch.flush = flushes_first_cpu, .arch.leave = leaves_first_cpu),

	M(STATE_OF_CPU, "the state is kept by the CPU instead of the task", ALL, ALL,
	  .arch.switch_out = leaves_state, .arch.switch_in = takes_state),
	M(FORK_COPIES_NO_STATE, "fork does not copy the state", ALL, ALL,
	  .arch.fork = copies_no_state),
	M(NOTHING_ISSUED_ON_SWITCH, "a switch issues no queue, and is no barrier",
	  ALL, "arm64 x86_64", LEAVES_WAITING(SWITCH)),
	M(NOTHING_ISSUED_ON_MIGRATE, "migrate issues no queue, and is no barrier",
	  ALL, "arm64 x86_64", LEAVES_WAITING(MIGRATE)),
	M(NOTHING_ISSUED_ON_SLEEP, "sleep issues no queue, and is no barrier",
	  ALL, "arm64 x86_64", LEAVES_WAITING(SLEEP)),
	M(DISPLACED_NOT_SWITCHED_OUT, "a present task that gives way is not switched out",
	  ALL, "arm64 x86_64 xen", .arch.switch_out = leaves_when_it_runs),
	M(SWITCH_FLUSHES, "a switch flushes what waits", ALL, HOLDS,
	  .arch.switch_out = leaves_flushed),

	M(HOLD_OF_CPU, "the hold is kept by the CPU", ALL, HOLDS,
	  .arch.switch_out = leaves_hold, .arch.switch_in = takes_hold),
	M(LEAVE_KEEPS_HOLD, "leave does not turn preemption on", ALL, HOLDS,
	  .arch.leave = keeps_hold),
	M(FORK_COPIES_HOLD, "fork copies the hold", ALL, HOLDS, .arch.fork = copies_hold),

	M(SLEEPS_IN_INTERRUPT, "might_sleep does not see an interrupt", ALL, ALL,
	  DOES_NOT_SEE(is_in_interrupt)),
	M(SLEEPS_IN_SOFTIRQ, "might_sleep does not see a softirq", ALL, ALL,
	  DOES_NOT_SEE(is_in_softirq)),
	M(SLEEPS_WITH_BH_DISABLED, "might_sleep does not see disabled bottom halves", ALL, ALL,
	  DOES_NOT_SEE(is_bh_disabled)),
	M(SLEEPS_WITH_IRQS_OFF, "might_sleep does not see that interrupts are off", ALL, ALL,
	  DOES_NOT_SEE(is_irqs_off)),
	M(SLEEPS_WITH_HOLD, "might_sleep does not see the hold", ALL, HOLDS,
	  .may_sleep = may_with_any_hold),
	M(SLEEPS_WITH_HOLD_BELOW_0, "might_sleep does not see a hold below 0", ALL, HOLDS,
	  .may_sleep = may_with_hold_below_0),
	M(SLEEPS_NOT_IN_CONTEXT_OUTSIDE, "contexts do not begin afresh in a meanwhile", ALL, ALL,
	  .may_sleep = may_not_in_context_outside),
	M(SWITCH_DOES_NOT_LOOK, "switch does not look whether it may sleep", ALL, HOLDS,
	  DOES_NOT_LOOK(SWITCH)),
	M(MIGRATE_DOES_NOT_LOOK, "migrate does not look whether it may sleep", ALL, HOLDS,
	  DOES_NOT_LOOK(MIGRATE)),
	M(SLEEP_DOES_NOT_LOOK, "sleep does not look whether it may", ALL, HOLDS,
	  DOES_NOT_LOOK(SLEEP)),
	M(FORK_DOES_NOT_LOOK, "fork does not look whether it may sleep", ALL, HOLDS,
	  DOES_NOT_LOOK(FORK)),

	M(MEANWHILE_LOOKS, "meanwhile looks whether the running task may sleep", ALL, ALL,
	  .meanwhile = looks),
	M(MEANWHILE_SWITCHES, "meanwhile counts as a switch of the running task, there and back",
	  ALL, "arm64 x86_64 xen", .meanwhile = leaves_meanwhile),
	M(MEANWHILE_ENDS_ABSENT, "a task leaves its CPU at the end of a meanwhile",
	  ALL, "arm64 x86_64 xen", .meanwhile = ends_absent),
	{ }
};
