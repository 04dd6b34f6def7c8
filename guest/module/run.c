// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run of a program: its kernel thread, its steps one by one, its interrupt
 * blocks. Each step leaves a record; nothing is printed here.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "lazymmu.h"

#define RUN_CPU		0

/*
 * How many steps of the present program have begun. A step runs once, so the
 * number grows as long as the run gets on, and tells where it stands still.
 */
static unsigned int steps_begun;
module_param(steps_begun, uint, 0444);

/*
 * What is alive: runs from parser to lmm_run_free(), and their kernel threads.
 * Both are 0 when no write() is under way and no report waits. Whoever changes
 * them holds the device's lock or, at unload, has no user any more.
 */
static unsigned int live_runs;
module_param(live_runs, uint, 0444);
static unsigned int live_threads;
module_param(live_threads, uint, 0444);

/**
 * struct lmm_execution - a run and what executes it
 * @run: the run
 * @thread: the kernel thread that executes it
 * @done: completed by @thread at the end
 * @irq_work: what raises the interrupt of an interrupt block
 * @irq_step: the step whose list that interrupt executes
 */
struct lmm_execution {
	struct lmm_run run;
	struct task_struct *thread;
	struct completion done;
	struct irq_work irq_work;
	u32 irq_step;
};

/* The first error is the one that explains the others. */
static void run_failed(struct lmm_run *run, const char *error)
{
	if (!run->error)
		run->error = error;
}

static void interrupt_block(struct irq_work *work)
{
	struct lmm_execution *execution =
		container_of(work, struct lmm_execution, irq_work);
	struct lmm_run *run = &execution->run;
	u32 step = execution->irq_step;

	if (!in_hardirq())
		run_failed(run, "interrupt block not in hard interrupt context");
	else if (smp_processor_id() != RUN_CPU)
		run_failed(run, "interrupt block not on CPU 0");
	else if (current != execution->thread)
		run_failed(run, "interrupt block interrupted another task");
	else
		lmm_run_steps(run, step + 1, run->program.steps[step].end);
}

/*
 * Preemption is off, so that the interrupt finds the run's thread and no other.
 * in_interrupt() does not look at it. A program of interrupts may take seconds
 * under emulation, hence the offer to reschedule.
 */
static void run_interrupt(struct lmm_run *run, u32 step)
{
	struct lmm_execution *execution =
		container_of(run, struct lmm_execution, run);

	execution->irq_step = step;
	preempt_disable();
	irq_work_queue(&execution->irq_work);
	while (irq_work_is_busy(&execution->irq_work))
		cpu_relax();
	preempt_enable();
	cond_resched();
}

static void record_step(struct lmm_run *run, const struct lmm_call *call)
{
	struct lmm_record *record = &run->records[run->nr_records++];
	const struct lmm_api *api = run->program.api;

	record->call = *call;
	record->task = run->task;
	record->active = api->active(run->task);
	api->state(run->task, record->state);
	memcpy(record->counters, run->counters, sizeof(record->counters));
}

/* A call is counted as it begins, whether it then has an effect or not. */
static void run_call(struct lmm_run *run, enum lmm_counter counter,
		     void (*operation)(struct lmm_run *run))
{
	run->counters[counter]++;
	operation(run);
}

static void run_step(struct lmm_run *run, u32 step)
{
	const struct lmm_api *api = run->program.api;
	struct lmm_call *outer = run->call;
	struct lmm_call inner = { .step = step };

	WRITE_ONCE(steps_begun, step + 1);
	run->call = &inner;
	switch (run->program.steps[step].op) {
	case LMM_OP_ENABLE:
		run_call(run, LMM_CALL_ENABLE, api->enable);
		break;
	case LMM_OP_DISABLE:
		run_call(run, LMM_CALL_DISABLE, api->disable);
		break;
	case LMM_OP_PAUSE:
		run_call(run, LMM_CALL_PAUSE, api->pause);
		break;
	case LMM_OP_RESUME:
		run_call(run, LMM_CALL_RESUME, api->resume);
		break;
	case LMM_OP_ENABLE_WITH_PTES:
		run_call(run, LMM_CALL_ENABLE_WITH_PTES, api->enable_with_ptes);
		break;
	case LMM_OP_FLUSH:
		run_call(run, LMM_CALL_FLUSH, lmm_arch_flush);
		break;
	case LMM_OP_INTERRUPT:
		run_interrupt(run, step);
		break;
	case LMM_OP_CHECK:
	case LMM_NR_OPS:
		break;
	}
	run->call = outer;
	record_step(run, &inner);
}

/**
 * lmm_run_steps() - execute a list
 * @run: the run
 * @first: the list's first step
 * @end: the step after the list
 *
 * Calls itself through before_hook and interrupt lists, whose depth the parser
 * has bounded.
 */
void lmm_run_steps(struct lmm_run *run, u32 first, u32 end)
{
	u32 step;

	for (step = first; step < end; step = run->program.steps[step].end)
		run_step(run, step);
}

static int run_thread(void *data)
{
	struct lmm_execution *execution = data;
	struct lmm_run *run = &execution->run;

	lmm_run_steps(run, 0, run->program.nr_steps);
	complete(&execution->done);
	return 0;
}

/* A thread of its own for each run: misuse cannot leak into the next one. */
static int run_program(struct lmm_execution *execution)
{
	struct task_struct *thread;

	thread = kthread_create(run_thread, execution, "lazymmu/%u",
				execution->run.program.run);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	kthread_bind(thread, RUN_CPU);
	get_task_struct(thread);
	live_threads++;
	execution->thread = thread;
	wake_up_process(thread);

	/*
	 * A program is finite, so this needs no way out. Only after completion
	 * may kthread_stop() be called, or the thread might never start.
	 */
	wait_for_completion(&execution->done);
	kthread_stop_put(thread);
	live_threads--;
	execution->thread = NULL;
	return 0;
}

/**
 * lmm_run_free() - free a run and all it holds
 * @run: the run; may be NULL
 */
void lmm_run_free(struct lmm_run *run)
{
	if (!run)
		return;
	kvfree(run->records);
	kvfree(run->program.steps);
	kfree(container_of(run, struct lmm_execution, run));
	live_runs--;
}

/**
 * lmm_run_text() - parse a program and run it to its end
 * @text: the program's text, which may hold anything
 * @len: its length in bytes, at most LMM_MAX_TEXT
 *
 * Context: process context; sleeps until the program is over.
 *
 * Return: the run, whose report has not begun; or ERR_PTR(-EINVAL) for a
 * malformed program, which the log then explains; -ENOMEM; -EINTR if the caller
 * was killed before the run began.
 */
struct lmm_run *lmm_run_text(const char *text, size_t len)
{
	struct lmm_execution *execution;
	struct lmm_run *run;
	int err;

	/* Before anything that takes time: none of these steps has begun. */
	WRITE_ONCE(steps_begun, 0);
	execution = kzalloc(sizeof(*execution), GFP_KERNEL);
	if (!execution)
		return ERR_PTR(-ENOMEM);
	live_runs++;
	execution->irq_work = IRQ_WORK_INIT_HARD(interrupt_block);
	init_completion(&execution->done);
	run = &execution->run;
	run->main.name = "main";
	run->task = &run->main;

	err = lmm_parse(&run->program, text, len);
	if (err)
		goto free;
	run->records = kvcalloc(run->program.nr_steps, sizeof(*run->records),
				GFP_KERNEL);
	if (!run->records) {
		err = -ENOMEM;
		goto free;
	}
	err = run_program(execution);
	if (err)
		goto free;
	return run;

free:
	lmm_run_free(run);
	return ERR_PTR(err);
}
