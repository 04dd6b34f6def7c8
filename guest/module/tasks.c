// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tasks of a scenario: a kernel thread for each, bound to its CPU. One of them runs at
 * a time, and a switch wakes the next one, so the program alone decides the order,
 * whatever the scheduler does. Each CPU has at most one task present.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/string.h>

#include "lazymmu.h"

/*
 * Kernel threads that exist. It is changed by the holder of the device's lock, or by
 * the running task while that holder waits for it.
 */
unsigned int live_threads;
module_param(live_threads, uint, 0444);

/* Wakes a task's thread, which waits for its next turn. */
void lmm_task_wake(struct lmm_task *task, enum lmm_due due)
{
	task->due = due;
	complete(&task->wake);
}

/*
 * Waits for the task's next turn, and serves what other tasks want of its thread before.
 * Returns false if the run is over. TASK_IDLE, because the other tasks may take any time.
 */
static bool wait_for_turn(struct lmm_task *task)
{
	struct lmm_run *run = task->run;
	enum lmm_due due;

	do {
		wait_for_completion_state(&task->wake, TASK_IDLE);
		due = task->due;
		task->due = LMM_DUE_NOTHING;
		if (due == LMM_DUE_MEANWHILE)
			lmm_meanwhile_serve(run, task);
		else if (due == LMM_DUE_STANDBY)
			lmm_standby_serve(run, task);
	} while (due != LMM_DUE_TURN && !READ_ONCE(run->over));
	return due == LMM_DUE_TURN;
}

/*
 * Keeps the thread of a task on its CPU until lmm_task_may_leave(), if the personality asks
 * for it: the kernel itself then does something at each switch.
 */
void lmm_task_stay(struct lmm_task *task)
{
	if (!task->run->program.arch->exact || task->stays)
		return;
	preempt_disable();
	task->stays = true;
}

void lmm_task_may_leave(struct lmm_task *task)
{
	if (!task->stays)
		return;
	task->stays = false;
	preempt_enable();
}

/* Waits until the kernel has switched out the thread of a task, which waits or will at once. */
static void await_departure(const struct lmm_task *task)
{
	while (READ_ONCE(task->thread->on_cpu))
		cpu_relax();
}

/* Begins a turn: stays, once those that wait are off their CPUs. */
static void begin_turn(struct lmm_task *task)
{
	struct lmm_run *run = task->run;

	if (!run->program.arch->exact)
		return;
	if (!run->last) {
		for (unsigned int i = 0; i < run->nr_tasks; i++) {
			struct lmm_task *other = &run->tasks[run->order[i]];

			if (other == task)
				continue;
			wait_for_completion_state(&other->arrived, TASK_IDLE);
			await_departure(other);
		}
	} else if (run->last != task) {
		await_departure(run->last);
	}
	lmm_task_stay(task);
	if (run->last)
		lmm_run_switched(run);
}

/* Gives the turn to another task, and waits for the next one. Returns false if there is none. */
bool lmm_task_hand_over(struct lmm_task *task, struct lmm_task *next)
{
	bool is_turn;

	task->run->last = task;
	lmm_task_may_leave(task);
	lmm_task_wake(next, LMM_DUE_TURN);
	is_turn = wait_for_turn(task);
	if (is_turn)
		begin_turn(task);
	return is_turn;
}

/* Keeps what the report needs before the threads end. */
static void end_program(struct lmm_run *run)
{
	const struct lmm_api *api = run->program.api;

	for (unsigned int i = 0; api->keep && i < run->nr_tasks; i++)
		api->keep(&run->tasks[run->order[i]]);
	if (run->program.arch->end)
		run->program.arch->end(run);
}

static int task_thread(void *data)
{
	struct lmm_task *task = data;
	struct lmm_run *run = task->run;
	bool ended = false;

	if (run->program.api->arise)
		run->program.api->arise(task);
	complete(&task->arrived);
	if (wait_for_turn(task)) {
		begin_turn(task);
		ended = lmm_run_steps(run, task, &run->program_list);
		if (ended)
			end_program(run);
		lmm_task_may_leave(task);
	}
	if (ended)
		complete(&run->done);
	if (run->program.api->retire)
		run->program.api->retire(task);
	return 0;
}

static int start_task(struct lmm_run *run, struct lmm_task *task)
{
	struct task_struct *thread;

	thread = kthread_create(task_thread, task, "lazymmu/%u", run->program.run);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	kthread_bind(thread, task->cpu);
	get_task_struct(thread);
	live_threads++;
	task->thread = thread;
	wake_up_process(thread);
	return 0;
}

static size_t state_size(const struct lmm_run *run)
{
	return ALIGN(run->program.api->state_size, sizeof(u64));
}

/* Returns the bytes that revision and personality need for a task. */
size_t lmm_task_memory(const struct lmm_run *run)
{
	return state_size(run) + ALIGN(run->program.arch->task_size, sizeof(u64));
}

static struct lmm_task *new_task(struct lmm_run *run, unsigned int number, unsigned int cpu)
{
	struct lmm_task *task = &run->tasks[number];

	task->run = run;
	task->state = run->task_memory + number * lmm_task_memory(run);
	task->arch = task->state + state_size(run);
	task->name = run->program.tasks[number].name;
	task->cpu = cpu;
	init_completion(&task->wake);
	init_completion(&task->arrived);
	run->order[run->nr_tasks++] = number;
	return task;
}

/*
 * Starts the threads of main and of the declared tasks, main last because its turn
 * begins at once. Returns 0 or a negative errno; then no step has run. In both cases
 * the caller must call lmm_tasks_stop().
 */
int lmm_tasks_start(struct lmm_run *run)
{
	const struct lmm_program *program = &run->program;
	int err = 0;

	run->task = new_task(run, LMM_MAIN, program->tasks[LMM_MAIN].cpu);
	run->present[run->task->cpu] = run->task;
	for (unsigned int i = LMM_MAIN + 1; i < program->nr_declared; i++) {
		struct lmm_task *task = new_task(run, i, program->tasks[i].cpu);

		if (program->arch->absent)
			program->arch->absent(run, task);
	}
	lmm_task_wake(run->task, LMM_DUE_TURN);
	for (unsigned int i = program->nr_declared; !err && i-- > 0;)
		err = start_task(run, &run->tasks[i]);
	return err;
}

/* Ends all threads of a run. None of them may still execute a step. */
void lmm_tasks_stop(struct lmm_run *run)
{
	WRITE_ONCE(run->over, true);
	/* First wake all, so that they end at the same time. */
	for (unsigned int i = 0; i < run->nr_tasks; i++)
		complete(&run->tasks[run->order[i]].wake);
	for (unsigned int i = 0; i < run->nr_tasks; i++) {
		struct lmm_task *task = &run->tasks[run->order[i]];

		if (!task->thread)
			continue;
		kthread_stop_put(task->thread);
		task->thread = NULL;
		live_threads--;
	}
}

/* Counts a place that may sleep and must not. */
void lmm_might_sleep(struct lmm_run *run)
{
	if (run->program.api->check_sleep)
		run->program.api->check_sleep(run);
	else if (!lmm_may_sleep(run))
		run->counters[LMM_ATOMIC_SLEEPS]++;
}

/* Switches a task out of its CPU. It is the running task then, until the caller names another. */
static void switch_out(struct lmm_run *run, struct lmm_task *task)
{
	run->task = task;
	if (run->program.arch->switch_out)
		run->program.arch->switch_out(run);
	run->present[task->cpu] = NULL;
}

/* Makes a task the running one. If it is not present on its CPU, it is switched in. */
void lmm_task_switch_in(struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_task *there = run->present[task->cpu];

	if (there && there != task)
		switch_out(run, there);
	run->task = task;
	if (there == task)
		return;
	run->present[task->cpu] = task;
	if (run->program.arch->switch_in)
		run->program.arch->switch_in(run);
}

/* The record of the step is the new task's. Its thread runs once this step is over. */
void lmm_task_switch(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *next = &run->tasks[step->task];

	if (next == run->task) {
		lmm_run_refused(run, step, "task %s already runs", next->name);
		return;
	}
	lmm_might_sleep(run);
	switch_out(run, run->task);
	lmm_task_switch_in(run, next);
}

void lmm_task_migrate(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *task = run->task;
	int err;

	if (step->cpu == task->cpu) {
		lmm_run_refused(run, step, "task %s is already on CPU %u", task->name, step->cpu);
		return;
	}
	lmm_might_sleep(run);
	switch_out(run, task);
	task->cpu = step->cpu;
	lmm_task_switch_in(run, task);
	lmm_task_may_leave(task);
	err = set_cpus_allowed_ptr(current, cpumask_of(step->cpu));
	lmm_task_stay(task);
	if (err)
		lmm_run_failed(run, "no migration to CPU %u: errno %d", step->cpu, -err);
}

/* Sleeps until the time is over or the run must end. */
void lmm_task_sleep(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *task = run->task;

	lmm_might_sleep(run);
	switch_out(run, task);
	lmm_task_may_leave(task);
	wait_for_completion_timeout(&run->wake, msecs_to_jiffies(step->ms));
	lmm_task_stay(task);
	lmm_task_switch_in(run, task);
}

/* The new task is on the same CPU and waits for the first switch to it. */
void lmm_task_fork(struct lmm_run *run, const struct lmm_step *step)
{
	const struct lmm_arch *arch = run->program.arch;
	struct lmm_task *child;

	lmm_might_sleep(run);
	child = new_task(run, step->task, run->task->cpu);
	memcpy(child->state, run->task->state, run->program.api->state_size);
	if (arch->fork)
		arch->fork(run, child);
	if (arch->absent)
		arch->absent(run, child);
	run->err = start_task(run, child);
	if (run->err)
		WRITE_ONCE(run->halted, true);
}
