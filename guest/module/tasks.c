// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tasks of a scenario: a kernel thread for each, of which one runs at a time
 * and hands over by name. Each waits for its turn on a completion of its own, so
 * the order is the program's alone, whatever the scheduler does.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "lazymmu.h"

/*
 * Kernel threads that are alive. Whoever changes it holds the device's lock, or
 * is the running task while the holder waits for it.
 */
unsigned int live_threads;
module_param(live_threads, uint, 0444);

/* Idle, that is without a limit to the time that the other tasks take */
static bool wait_for_turn(struct lmm_task *task)
{
	wait_for_completion_state(&task->turn, TASK_IDLE);
	return !READ_ONCE(task->run->over);
}

/* Bound to one CPU, so that it stays where it is. */
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

static struct lmm_task *new_task(struct lmm_run *run, unsigned int cpu)
{
	struct lmm_task *task = &run->tasks[run->nr_tasks];

	task->run = run;
	task->name = run->program.tasks[run->nr_tasks].name;
	task->cpu = cpu;
	init_completion(&task->turn);
	run->nr_tasks++;
	return task;
}

/**
 * lmm_tasks_start() - start the threads of the tasks that there are from the start
 * @run: the run; on failure too, lmm_tasks_stop() is due
 *
 * The last of them is main, whose turn it is: the run begins when all are there.
 *
 * Return: 0, or a negative errno; then no step is executed.
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

/**
 * lmm_tasks_stop() - end all threads of a run, none of which executes a step
 * @run: the run
 */
void lmm_tasks_stop(struct lmm_run *run)
{
	WRITE_ONCE(run->over, true);
	/* All of them end at the same time. */
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

/**
 * lmm_task_switch() - switch to another task
 * @run: the run
 * @step: the step that does it
 *
 * The step is over in the name of the new task; then the old one hands over.
 */
void lmm_task_switch(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *next = &run->tasks[step->task];

	if (!LMM_MUTANT(NOTHING_ISSUED_ON_SWITCH))
		leave_cpu(run);
	if (LMM_MUTANT(STATE_PER_CPU) && next->cpu == run->task->cpu)
		next->state = run->task->state;
	run->task = next;
}

/**
 * lmm_task_migrate() - move the running task, and the thread that is it
 * @run: the run
 * @step: the step that does it
 */
void lmm_task_migrate(struct lmm_run *run, const struct lmm_step *step)
{
	int err;

	if (!LMM_MUTANT(NOTHING_ISSUED_ON_MIGRATE))
		leave_cpu(run);
	run->task->cpu = step->cpu;
	err = set_cpus_allowed_ptr(current, cpumask_of(step->cpu));
	if (err)
		lmm_run_failed(run, "no migration to CPU %u: errno %d", step->cpu, -err);
	else
		check_place(run, run->task);
}

/**
 * lmm_task_sleep() - sleep, until the time is over or the run must end
 * @run: the run
 * @step: the step that does it
 */
void lmm_task_sleep(struct lmm_run *run, const struct lmm_step *step)
{
	if (!LMM_MUTANT(NOTHING_ISSUED_ON_SLEEP))
		leave_cpu(run);
	wait_for_completion_timeout(&run->wake, msecs_to_jiffies(step->ms));
}

/**
 * lmm_task_fork() - make a new task, a copy of the running one
 * @run: the run
 * @step: the step that does it
 *
 * It is on the same CPU, and waits for the first switch to it.
 */
void lmm_task_fork(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *child = new_task(run, run->task->cpu);

	if (!LMM_MUTANT(FORK_COPIES_NO_STATE))
		child->state = run->task->state;
	if (run->program.arch->fork)
		run->program.arch->fork(run, child);
	run->err = start_task(run, child);
	if (run->err)
		WRITE_ONCE(run->halted, true);
}
