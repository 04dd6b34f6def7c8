// SPDX-License-Identifier: GPL-2.0-only
/*
 * The run of a program: its steps one by one, each of which leaves a record, and
 * its life from the text to the end of the report. Nothing is printed here.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lazymmu.h"

/*
 * How many steps of the present program have begun. A step runs once, so the
 * number grows as long as the run gets on, and tells where it stands still.
 */
static unsigned int steps_begun;
module_param(steps_begun, uint, 0444);

/*
 * Runs that are alive, from the parser to lmm_run_free(): 0 when no write() is
 * under way and no report waits. Whoever changes it holds the device's lock or,
 * at unload, has no user any more.
 */
static unsigned int live_runs;
module_param(live_runs, uint, 0444);

/**
 * lmm_run_failed() - note that a run is no result, and let it end
 * @run: the run
 * @fmt: why; the first error is the one that explains the others
 */
void lmm_run_failed(struct lmm_run *run, const char *fmt, ...)
{
	va_list args;

	if (run->error[0])
		return;
	va_start(args, fmt);
	vscnprintf(run->error, sizeof(run->error), fmt, args);
	va_end(args);
	WRITE_ONCE(run->halted, true);
}

static void record_step(struct lmm_run *run, const struct lmm_call *call,
			const struct lmm_step *step)
{
	struct lmm_record *record = &run->records[run->nr_records++];
	const struct lmm_api *api = run->program.api;
	const struct lmm_task *task = run->task;

	if (step->op == LMM_OP_CHECK && step->task != LMM_NO_TASK)
		task = &run->tasks[step->task];
	memcpy(record->counters, run->counters, sizeof(record->counters));
	record->value = call->value;
	record->step = call->step;
	record->outstanding = run->table.outstanding;
	record->hook = call->hook;
	record->inside = call->inside;
	record->active = api->active(task);
	record->task = task - run->tasks;
	api->state(task, record->state);
}

/* A call is counted as it begins, whether it then has an effect or not. */
static void run_call(struct lmm_run *run, enum lmm_counter counter,
		     void (*operation)(struct lmm_run *run))
{
	if (!LMM_MUTANT(VAIN_CALLS_NOT_COUNTED) || !in_interrupt() ||
	    counter == LMM_CALL_FLUSH)
		run->counters[counter]++;
	operation(run);
}

static void run_operation(struct lmm_run *run, const struct lmm_step *step)
{
	const struct lmm_program *program = &run->program;
	const struct lmm_api *api = program->api;

	switch (step->op) {
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
		run_call(run, LMM_CALL_FLUSH, api->flush ?: lmm_arch_flush);
		break;
	case LMM_OP_PAUSE_TASK:
		if (LMM_MUTANT(PAUSE_TASK_CHECKS_INTERRUPT) && in_interrupt())
			break;
		api->pause_task(run, LMM_MUTANT(PAUSE_TASK_ON_CALLER) ?
				run->task : &run->tasks[step->task]);
		break;
	case LMM_OP_RESUME_TASK:
		if (LMM_MUTANT(RESUME_TASK_CHECKS_INTERRUPT) && in_interrupt())
			break;
		api->resume_task(run, LMM_MUTANT(RESUME_TASK_ON_CALLER) ?
				 run->task : &run->tasks[step->task]);
		break;
	case LMM_OP_SET_PTE:
		lmm_set_pte(run, step->index, step->value);
		break;
	case LMM_OP_CLEAR_PTE:
		run->call->value = lmm_clear_pte(run, step->index);
		break;
	case LMM_OP_GET_PTE:
		run->call->value = program->arch->read(run, step->index);
		break;
	case LMM_OP_TOUCH:
		run->call->value = lmm_touch(run, step->index);
		break;
	case LMM_OP_LOAD:
		run->call->value = lmm_load(run, step->index);
		break;
	case LMM_OP_TLB_FLUSH:
		lmm_tlb_flush(run);
		break;
	case LMM_OP_SWITCH:
		lmm_task_switch(run, step);
		break;
	case LMM_OP_MIGRATE:
		lmm_task_migrate(run, step);
		break;
	case LMM_OP_SLEEP:
		lmm_task_sleep(run, step);
		break;
	case LMM_OP_FORK:
		lmm_task_fork(run, step);
		break;
	case LMM_OP_INTERRUPT:
		lmm_context_interrupt(run, step);
		break;
	case LMM_OP_SOFTIRQ:
		lmm_context_softirq(run, step);
		break;
	case LMM_OP_BH_DISABLED:
		lmm_context_bh_disabled(run, step);
		break;
	case LMM_OP_IRQS_OFF:
		lmm_context_irqs_off(run, step);
		break;
	default:	/* check */
		break;
	}
}

/* The harness skips such a case; that it came here is no result. */
static bool may_leave(struct lmm_run *run, const struct lmm_step *step, u32 number)
{
	const struct lmm_operation *operation = &lmm_operations[step->op];
	const struct lmm_arch *arch = run->program.arch;

	if (!operation->leaves || !arch->preempt_off || !arch->preempt_off(run))
		return true;
	lmm_run_failed(run, "step %u %s with preemption off", number, operation->name);
	return false;
}

static void run_step(struct lmm_run *run, u32 number)
{
	const struct lmm_step *step = &run->program.steps[number];
	struct lmm_call *outer = run->call;
	struct lmm_call inner = { .step = number };

	WRITE_ONCE(steps_begun, number + 1);
	if (!may_leave(run, step, number))
		return;
	run->call = &inner;
	run_operation(run, step);
	run->call = outer;
	record_step(run, &inner, step);
}

/**
 * lmm_run_list() - execute the list that a step opens
 * @run: the run
 * @step: the step
 *
 * Calls itself through before_hook and contexts, whose depth the parser has
 * bounded.
 */
void lmm_run_list(struct lmm_run *run, const struct lmm_step *step)
{
	const struct lmm_step *steps = run->program.steps;
	u32 i = step - steps + 1;

	for (; i < step->end && !READ_ONCE(run->halted); i = steps[i].end)
		run_step(run, i);
}

/**
 * lmm_run_turn() - execute steps as long as a task runs
 * @run: the run
 * @task: the task
 *
 * Context: the task's thread. A program may take seconds under emulation, hence
 * the offer to reschedule.
 *
 * Return: true when there are no more steps; false if another task runs now.
 */
bool lmm_run_turn(struct lmm_run *run, const struct lmm_task *task)
{
	const struct lmm_program *program = &run->program;

	while (!READ_ONCE(run->halted)) {
		u32 number = run->next;

		if (run->task != task)
			return false;
		if (number == program->nr_steps)
			break;
		run->next = program->steps[number].end;
		run_step(run, number);
		cond_resched();
	}
	return true;
}

/*
 * Only a killed writer does not wait for the end of the program, and then no
 * longer than a list takes.
 */
static int run_program(struct lmm_run *run)
{
	int err;

	err = lmm_tasks_start(run);
	if (!err) {
		err = wait_for_completion_killable(&run->done);
		if (err) {
			WRITE_ONCE(run->halted, true);
			complete_all(&run->wake);
			wait_for_completion(&run->done);
			err = -EINTR;
		}
	}
	lmm_tasks_stop(run);
	return err ?: run->err;
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
	kvfree(run->tasks);
	kvfree(run->program.steps);
	kvfree(run);
	live_runs--;
}

static int prepare(struct lmm_run *run, const char *text, size_t len)
{
	const struct lmm_program *program = &run->program;
	int err;

	err = lmm_parse(&run->program, text, len);
	if (err)
		return err;
	run->records = kvcalloc(program->nr_steps, sizeof(*run->records), GFP_KERNEL);
	run->tasks = kvcalloc(program->nr_tasks, sizeof(*run->tasks), GFP_KERNEL);
	if (!run->records || !run->tasks)
		return -ENOMEM;
	init_completion(&run->done);
	init_completion(&run->wake);
	lmm_contexts_init(run);
	return 0;
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
 * was killed before its end.
 */
struct lmm_run *lmm_run_text(const char *text, size_t len)
{
	struct lmm_run *run;
	int err;

	/* Before anything that takes time: none of these steps has begun. */
	WRITE_ONCE(steps_begun, 0);
	run = kvzalloc(sizeof(*run), GFP_KERNEL);
	if (!run)
		return ERR_PTR(-ENOMEM);
	live_runs++;

	err = prepare(run, text, len) ?: run_program(run);
	if (err) {
		lmm_run_free(run);
		return ERR_PTR(err);
	}
	return run;
}
