// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tasks of a scenario: a kernel thread for each. One of them runs at a time, and
 * a switch completes the turn of the next one, so the program alone decides the
 * order, whatever the scheduler does.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "lazymmu.h"

/*
 * Kernel threads that exist. It is changed by the holder of the device's lock, or by
 * the running task while that holder waits for it.
 */
unsigned int live_threads;
module_param(live_threads, uint, 0444);

/* TASK_IDLE, because the other tasks may take any time */
static bool wait_for_turn(struct lmm_task *task)
{
	wait_for_completion_state(&task->turn, TASK_IDLE);
	return !READ_ONCE(task->run->over);
}

static void check_place(struct lmm_run *run, const struct lmm_task *task)
{
	if (raw_smp_processor_id() != task->cpu)
		lmm_run_failed(run, "task %s not on CPU %u", task->name, task->cpu);
}

static int task_thread(void *data)
{
	struct lmm_task *task = data;
	struct lmm_run *run = task->run;

	while (wait_for_turn(task)) {
		check_place(run, task);
		if (lmm_run_turn(run, task)) {
			complete(&run->done);
			break;
		}
		complete(&run->task->turn);
	}
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

static struct lmm_task *new_task(struct lmm_run *run, unsigned int cpu)
{
	struct lmm_task *task = &run->tasks[run->nr_tasks];

	task->run = run;
	task->state = run->task_memory + run->nr_tasks * lmm_task_memory(run);
	task->arch = task->state + state_size(run);
	task->name = run->program.tasks[run->nr_tasks].name;
	task->cpu = cpu;
	init_completion(&task->turn);
	run->nr_tasks++;
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

	for (unsigned int i = 0; i < program->nr_declared; i++)
		new_task(run, program->tasks[i].cpu);
	run->task = &run->tasks[LMM_MAIN];
	complete(&run->task->turn);
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
		complete(&run->tasks[i].turn);
	for (unsigned int i = 0; i < run->nr_tasks; i++) {
		struct lmm_task *task = &run->tasks[i];

		if (!task->thread)
			continue;
		kthread_stop_put(task->thread);
		task->thread = NULL;
		live_threads--;
	}
}

static void leave_cpu(struct lmm_run *run)
{
	if (run->program.arch->leave_cpu)
		run->program.arch->leave_cpu(run);
}

/* The record of the step is the new task's. Its thread runs once this step is over. */
void lmm_task_switch(struct lmm_run *run, const struct lmm_step *step)
{
	leave_cpu(run);
	run->task = &run->tasks[step->task];
}

void lmm_task_migrate(struct lmm_run *run, const struct lmm_step *step)
{
	int err;

	leave_cpu(run);
	run->task->cpu = step->cpu;
	err = set_cpus_allowed_ptr(current, cpumask_of(step->cpu));
	if (err)
		lmm_run_failed(run, "no migration to CPU %u: errno %d", step->cpu, -err);
	else
		check_place(run, run->task);
}

/* Sleeps until the time is over or the run must end. */
void lmm_task_sleep(struct lmm_run *run, const struct lmm_step *step)
{
	leave_cpu(run);
	wait_for_completion_timeout(&run->wake, msecs_to_jiffies(step->ms));
}

/* The new task is on the same CPU and waits for the first switch to it. */
void lmm_task_fork(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *child = new_task(run, run->task->cpu);

	memcpy(child->state, run->task->state, run->program.api->state_size);
	if (run->program.arch->fork)
		run->program.arch->fork(run, child);
	run->err = start_task(run, child);
	if (run->err)
		WRITE_ONCE(run->halted, true);
}
