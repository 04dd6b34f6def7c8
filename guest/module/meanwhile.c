// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operation meanwhile: another task's thread executes a list on its own CPU, while
 * the running task stays where it is.
 *
 * A task that may really sleep just waits. In a context it can only spin, and the other
 * CPU must then come to the list whatever else it has to do. So the other task stands by
 * before the context begins: its thread is on its CPU, and preemption is off there. With
 * both threads bound in this way neither CPU does anything that needs an answer of the
 * other, such as an IPI that waits, or stop_machine(): each of these would wait for the
 * spinning CPU, and keep the list from being executed.
 */
#include <linux/atomic.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "lazymmu.h"

/* How long a thread may take to come to its CPU, when another one leaves it for that */
#define PATIENCE_NS	(2 * NSEC_PER_SEC)

/* &lmm_standby.state */
enum {
	NOBODY,		/* nobody stands by */
	ASKED,		/* the task is to come to its CPU */
	READY,		/* it is there, and goes again if something else needs the CPU */
	BOUND,		/* it stays there */
	CALLED,		/* it is to execute the list of &lmm_run.meanwhile */
	BUSY,		/* it does */
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

	execute(run, task);
	lmm_task_wake(outside, LMM_DUE_NOTHING);
}

/*
 * Turns preemption off and waits until the other task is bound, too. Lets others have the
 * CPU as long as that one is not. Returns the state then.
 */
static int become_bound(struct lmm_standby *standby)
{
	int state;

	for (;;) {
		preempt_disable();
		/* A task that comes in place of another one finds it called already. */
		state = cmpxchg(&standby->state, ASKED, READY);
		if (state != ASKED)
			return state;
		while (READ_ONCE(standby->state) == READY && !need_resched())
			cpu_relax();
		state = cmpxchg(&standby->state, READY, ASKED);
		if (state != READY)
			return state;
		preempt_enable();
		cond_resched();
	}
}

/* Serves LMM_DUE_STANDBY, on the task's thread: executes lists until the context ends. */
void lmm_standby_serve(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_standby *standby = &run->standby;
	int state = become_bound(standby);

	while (state == BOUND || state == CALLED) {
		if (state == CALLED && standby->task != task) {
			lmm_task_wake(standby->task, LMM_DUE_STANDBY);
			break;
		}
		if (state == CALLED && cmpxchg(&standby->state, CALLED, BUSY) == CALLED) {
			execute(run, task);
			smp_store_release(&standby->state, BOUND);
		}
		cpu_relax();
		state = smp_load_acquire(&standby->state);
	}
	preempt_enable();
}

/* Returns a task that a list may call while the running one is in the context of @step. */
static struct lmm_task *find_standby(struct lmm_run *run, const struct lmm_step *step)
{
	const struct lmm_step *end = &run->program.steps[step->end];

	for (const struct lmm_step *inner = step + 1; inner < end; inner++) {
		struct lmm_task *task = &run->tasks[inner->task];

		if (inner->op == LMM_OP_MEANWHILE && task->run && task->cpu != run->task->cpu)
			return task;
	}
	return NULL;
}

/*
 * Called before a context whose step is @step. If its list contains a meanwhile, another
 * task stands by from now on, and preemption is off. Returns whether this is so.
 */
bool lmm_standby_begin(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *task = find_standby(run, step);
	struct lmm_standby *standby = &run->standby;

	if (!task)
		return false;
	standby->task = task;
	smp_store_release(&standby->state, ASKED);
	lmm_task_wake(task, LMM_DUE_STANDBY);
	for (;;) {
		while (READ_ONCE(standby->state) != READY) {
			cpu_relax();
			cond_resched();
		}
		preempt_disable();
		if (cmpxchg(&standby->state, READY, BOUND) == READY)
			return true;
		preempt_enable();
	}
}

/* Ends what lmm_standby_begin() began. */
void lmm_standby_end(struct lmm_run *run)
{
	run->standby.task = NULL;
	smp_store_release(&run->standby.state, NOBODY);
	preempt_enable();
}

/*
 * Lets @task execute the list, and spins meanwhile. If another task stands by, that one
 * leaves the CPU to it. Then something else may get in between, which needs the spinning
 * CPU; after some time the run fails rather than the guest.
 */
static void call_standby(struct lmm_run *run, struct lmm_task *task)
{
	u64 end = ktime_get_mono_fast_ns() + PATIENCE_NS;
	struct lmm_standby *standby = &run->standby;
	int state;

	standby->task = task;
	smp_store_release(&standby->state, CALLED);
	while ((state = smp_load_acquire(&standby->state)) != BOUND) {
		cpu_relax();
		if (state != CALLED || ktime_get_mono_fast_ns() < end)
			continue;
		if (cmpxchg(&standby->state, CALLED, NOBODY) != CALLED)
			continue;
		lmm_run_failed(run, "task %s did not get CPU %u", task->name, task->cpu);
		return;
	}
}

void lmm_meanwhile(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *task = run->task, *other = &run->tasks[step->task];

	if (other == task) {
		lmm_run_refused(run, step, "task %s already runs", task->name);
	} else if (other->cpu == task->cpu) {
		lmm_run_refused(run, step, "task %s is on CPU %u, too", other->name, task->cpu);
	} else {
		run->meanwhile = step;
		if (run->standby.task) {
			call_standby(run, other);
		} else {
			lmm_task_wake(other, LMM_DUE_MEANWHILE);
			wait_for_completion_state(&task->wake, TASK_IDLE);
		}
	}
}
