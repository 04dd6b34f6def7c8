// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a program: executes its steps one by one, and leaves a record of each.
 * Nothing is printed here.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lazymmu.h"

/*
 * How many steps of the present program have begun. Each step runs once, so the
 * number grows as long as the run progresses, and says where a run hangs.
 */
static unsigned int steps_begun;
module_param(steps_begun, uint, 0444);

/*
 * Runs that exist, from the parser to lmm_run_free(): 0 if no write() is in
 * progress and no report is pending. The device's lock protects it.
 */
static unsigned int live_runs;
module_param(live_runs, uint, 0444);

/* Halts a run that gives no result. Only the first error is kept, since it explains others. */
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

/* Runs the step's before_hook, then records a call of an arch hook. */
void lmm_call_hook(struct lmm_run *run, enum lmm_counter counter, char letter)
{
	lmm_run_list(run, &run->program.steps[run->call->step]);

	run->call->hook = letter;
	run->call->inside = run->program.api->active(run->task);
	run->counters[counter]++;
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
	api->get_state(task, record->state);
}

/* A call counts when it begins, even if it then has no effect. */
static void run_call(struct lmm_run *run, enum lmm_counter counter,
		     void (*operation)(struct lmm_run *run))
{
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
		api->pause_task(run, &run->tasks[step->task]);
		break;
	case LMM_OP_RESUME_TASK:
		api->resume_task(run, &run->tasks[step->task]);
		break;
	case LMM_OP_SET_PTE:
		program->arch->write(run, step->index, step->value);
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
	default:
		if (lmm_operations[step->op].run)
			lmm_operations[step->op].run(run, step);
	}
}

/* The harness skips such a case; a run that gets here gives no result. */
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

/* Executes the list that a step opens. The parser limits how deep this recurses. */
void lmm_run_list(struct lmm_run *run, const struct lmm_step *step)
{
	const struct lmm_step *steps = run->program.steps;
	u32 i = step - steps + 1;

	for (; i < step->end && !READ_ONCE(run->halted); i = steps[i].end)
		run_step(run, i);
}

/*
 * Executes steps until another task runs, on the task's own thread. Returns true after
 * the last step. It may reschedule, since a program may take seconds under emulation.
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

/* A killed writer does not wait for the end of the program, only for that of a step. */
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

void lmm_run_free(struct lmm_run *run)
{
	if (!run)
		return;
	kvfree(run->records);
	kvfree(run->tasks);
	kvfree(run->task_memory);
	kvfree(run->cpus);
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
	run->task_memory = kvcalloc(program->nr_tasks, lmm_task_memory(run), GFP_KERNEL);
	run->cpus = kvcalloc(LMM_NR_CPUS, program->arch->cpu_size, GFP_KERNEL);
	if (!run->records || !run->tasks || !run->task_memory || !run->cpus)
		return -ENOMEM;
	init_completion(&run->done);
	init_completion(&run->wake);
	lmm_contexts_init(run);
	return 0;
}

/**
 * lmm_run_text() - parse a program and run it to its end
 * @text: the program's text, any bytes
 * @len: its length in bytes, at most LMM_MAX_TEXT
 *
 * Context: process context; sleeps until the program has ended.
 *
 * Return: the run, ready to be reported; or as an ERR_PTR(): -EINVAL for a malformed
 * program, which the log explains; -ENOMEM; -EINTR if the caller was killed.
 */
struct lmm_run *lmm_run_text(const char *text, size_t len)
{
	struct lmm_run *run;
	int err;

	/* Early, since what follows takes time and none of the steps has begun. */
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
