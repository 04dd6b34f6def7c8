// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operation meanwhile: another task's thread executes a list on its own CPU, while
 * the running task stays where it is.
 *
 * A task that may really sleep just waits. In a context it can only spin, and the other
 * CPU must then come to the list whatever else it has to do. So the other task stands by
 * before the context begins: its thread is on its CPU, and preemption is off there. With
 * both threads bound in this way, neither CPU does anything that needs an answer of the
 * other, such as an IPI that waits, or stop_machine(): each of these would wait for the
 * spinning CPU, and keep the list from being executed.
 */
#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>

#include "lazymmu.h"

/* &lmm_standby.state */
enum {
	NOBODY,		/* nobody stands by */
	ASKED,		/* the task is to come to its CPU */
	READY,		/* it is there, and goes again if something else needs the CPU */
	BOUND,		/* it stays there */
	CALLED,		/* it executes the list of &lmm_run.meanwhile, then it is BOUND again */
};

/* Executes the list of a meanwhile on the thread of @task. */
static void execute(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_task *outside = run->task;

	lmm_task_switch_in(run, task);
	lmm_run_list(run, run->meanwhile);
	run->task = outside;
}

/* Serves LMM_DUE_MEANWHILE, on the task's thread. */
void lmm_meanwhile_serve(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_task *outside = run->task;

	lmm_task_stay(task);
	execute(run, task);
	lmm_task_may_leave(task);
	lmm_task_wake(outside, LMM_DUE_NOTHING);
}

/*
 * Turns preemption off, and waits until the other task is bound, too. As long as that one
 * is not, others can have the CPU.
 */
static void become_bound(struct lmm_standby *standby)
{
	for (;;) {
		preempt_disable();
		/* Pairs with the cmpxchg() in begin(). */
		smp_store_release(&standby->state, READY);
		while (READ_ONCE(standby->state) == READY && !need_resched())
			cpu_relax();
		if (cmpxchg(&standby->state, READY, ASKED) != READY)
			return;
		preempt_enable();
		cond_resched();
	}
}

/* Serves LMM_DUE_STANDBY, on the task's thread: executes lists until the context ends. */
void lmm_standby_serve(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_standby *standby = &run->standby;
	int state;

	become_bound(standby);
	/* Pairs with the release in call_standby(): the list to execute is there. */
	while ((state = smp_load_acquire(&standby->state)) == BOUND || state == CALLED) {
		if (state == CALLED) {
			execute(run, task);
			/* Pairs with the acquire in call_standby(): the results are there. */
			smp_store_release(&standby->state, BOUND);
		}
		cpu_relax();
	}
	preempt_enable();
}

/* Asks a task to stand by. Returns with preemption off, as it is on the other CPU. */
static void begin(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_standby *standby = &run->standby;
	struct lmm_task *own = run->task;

	lmm_task_may_leave(own);
	standby->task = task;
	/* Pairs with the cmpxchg() in become_bound(). */
	smp_store_release(&standby->state, ASKED);
	lmm_task_wake(task, LMM_DUE_STANDBY);
	for (;;) {
		while (READ_ONCE(standby->state) != READY) {
			cpu_relax();
			cond_resched();
		}
		preempt_disable();
		if (cmpxchg(&standby->state, READY, BOUND) == READY)
			break;
		preempt_enable();
	}
	lmm_task_stay(own);
}

static void end(struct lmm_standby *standby)
{
	standby->task = NULL;
	/* Pairs with the acquire in lmm_standby_serve(). */
	smp_store_release(&standby->state, NOBODY);
	preempt_enable();
}

/* Whether the running task can call the task that a step names, which is a meanwhile. */
static bool can_call(const struct lmm_run *run, const struct lmm_step *step)
{
	const struct lmm_task *task = &run->tasks[step->task];

	return task->run && task->cpu != run->task->cpu;
}

/*
 * Called before a context. If its list contains a meanwhile, the first task that it can
 * call stands by from now on, and preemption is off. Returns whether this is so.
 */
bool lmm_standby_begin(struct lmm_run *run, const struct lmm_step *step)
{
	const struct lmm_step *end = &run->program.steps[step->end];

	while (++step < end) {
		if (step->op == LMM_OP_MEANWHILE && can_call(run, step)) {
			begin(run, &run->tasks[step->task]);
			return true;
		}
	}
	return false;
}

/* Ends what lmm_standby_begin() began. */
void lmm_standby_end(struct lmm_run *run)
{
	end(&run->standby);
}

/*
 * Lets another task stand by in place of the present one. The other CPU schedules
 * meanwhile, so this one leaves its context for that time.
 */
static void replace_standby(struct lmm_run *run, struct lmm_task *task)
{
	bool irqs_off = irqs_disabled();

	if (irqs_off)
		local_irq_enable();
	else
		local_bh_enable();
	end(&run->standby);
	begin(run, task);
	if (irqs_off)
		local_irq_disable();
	else
		local_bh_disable();
}

static void call_standby(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_standby *standby = &run->standby;

	if (standby->task != task)
		replace_standby(run, task);
	/* Pairs with the acquire in lmm_standby_serve(). */
	smp_store_release(&standby->state, CALLED);
	/* Pairs with the release in lmm_standby_serve(). */
	while (smp_load_acquire(&standby->state) == CALLED)
		cpu_relax();
}

static void call(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_task *outside = run->task;

	lmm_task_may_leave(outside);
	lmm_task_wake(task, LMM_DUE_MEANWHILE);
	wait_for_completion_state(&outside->wake, TASK_IDLE);
	lmm_task_stay(outside);
}

void lmm_meanwhile(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *task = &run->tasks[step->task];

	if (task == run->task) {
		lmm_run_refused(run, step, "task %s already runs", task->name);
		return;
	}
	if (!can_call(run, step)) {
		lmm_run_refused(run, step, "task %s is on CPU %u, too", task->name, task->cpu);
		return;
	}
	run->meanwhile = step;
	if (run->standby.task)
		call_standby(run, task);
	else
		call(run, task);
}
