// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a program: executes its steps one by one, and leaves a record of each.
 * Nothing is printed here.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "lazymmu.h"

/*
 * How many steps of the present program have begun. Each step runs once, so the
 * number grows as long as the run progresses, and says where a run hangs.
 */
static unsigned int steps_begun;
module_param(steps_begun, uint, 0444);

/* The agent's last report of progress may be half a second old when the kernel dies. */
static int tell_steps(struct notifier_block *notifier, unsigned long event, void *message)
{
	pr_emerg(KBUILD_MODNAME ": panic with %u steps begun\n", READ_ONCE(steps_begun));
	return NOTIFY_DONE;
}

struct notifier_block lmm_panic_notifier = { .notifier_call = tell_steps };

/*
 * Runs that exist, from the parser to lmm_run_free(): 0 if no write() is in
 * progress and no report is pending. The device's lock protects it.
 */
static unsigned int live_runs;
module_param(live_runs, uint, 0444);

/* The run that exists last, for a debugger; NULL if there is none. */
static struct lmm_run *last_run;

static __printf(2, 0) void halt_run(struct lmm_run *run, const char *fmt, va_list args)
{
	vscnprintf(run->error, sizeof(run->error), fmt, args);
	WRITE_ONCE(run->halted, true);
}

/* Halts a run that gives no result. Only the first error is kept, since it explains others. */
void lmm_run_failed(struct lmm_run *run, const char *fmt, ...)
{
	va_list args;

	if (run->error[0])
		return;
	va_start(args, fmt);
	halt_run(run, fmt, args);
	va_end(args);
}

/* Halts a run at a step that means nothing there, which the parser could not see. */
void lmm_run_refused(struct lmm_run *run, const struct lmm_step *step, const char *fmt, ...)
{
	va_list args;

	if (run->error[0])
		return;
	va_start(args, fmt);
	halt_run(run, fmt, args);
	va_end(args);
	run->wrong_line = step->line;
	run->err = -EINVAL;
}

/*
 * Runs the step's before_hook, then records a call of an arch hook. The list of a
 * meanwhile, which may also call hooks, is none.
 */
void lmm_call_hook(struct lmm_run *run, enum lmm_counter counter, char letter)
{
	const struct lmm_step *step = &run->program.steps[run->call->step];
	struct lmm_hooks *hooks = &run->call->hooks;

	if (step->op != LMM_OP_MEANWHILE)
		lmm_run_list(run, step);

	run->counters[counter]++;
	if (hooks->nr == LMM_MAX_HOOKS)
		return;
	hooks->inside[hooks->nr] = run->program.api->active(run->task);
	hooks->letters[hooks->nr++] = letter;
}

/* Fills in what is so now. */
static void look(struct lmm_run *run, struct lmm_record *record)
{
	const struct lmm_step *step = &run->program.steps[record->step];
	const struct lmm_api *api = run->program.api;
	const struct lmm_task *task = run->task;

	if (step->op == LMM_OP_CHECK && step->task != LMM_NO_TASK)
		task = &run->tasks[step->task];
	if (run->program.arch->observe)
		run->program.arch->observe(run);
	memcpy(record->counters, run->counters, sizeof(record->counters));
	record->outstanding = run->table.outstanding;
	record->active = api->active(task);
	record->task = task - run->tasks;
	api->get_state(task, record->state);
}

static void record_step(struct lmm_run *run, const struct lmm_call *call)
{
	struct lmm_record *record = &run->records[run->nr_records++];

	record->value = call->value;
	record->step = call->step;
	record->hooks = call->hooks;
	look(run, record);
}

/*
 * Looks again at the end of a switch, on the thread of the task that has the turn now: the
 * kernel itself has done something at the real one.
 */
void lmm_run_switched(struct lmm_run *run)
{
	if (run->nr_records)
		look(run, &run->records[run->nr_records - 1]);
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
	case LMM_OP_PEEK:
		run->call->value = lmm_peek(run, step->index);
		break;
	case LMM_OP_TLB_FLUSH:
		lmm_tlb_flush(run);
		break;
	case LMM_OP_MIGHT_SLEEP:
		lmm_might_sleep(run);
		break;
	default:
		if (lmm_operations[step->op].run)
			lmm_operations[step->op].run(run, step);
	}
}

static bool is_in_place(struct lmm_run *run)
{
	const struct lmm_task *task = run->task;

	if (raw_smp_processor_id() == task->cpu && current == task->thread)
		return true;
	if (current != task->thread)
		lmm_run_failed(run, "another thread than that of task %s", task->name);
	else
		lmm_run_failed(run, "task %s not on CPU %u", task->name, task->cpu);
	return false;
}

/* Whether the task that a step names exists, or does not if the step makes it */
static bool has_task(struct lmm_run *run, const struct lmm_step *step)
{
	bool is_new = step->op == LMM_OP_FORK;

	if (step->task == LMM_NO_TASK || !run->tasks[step->task].run == is_new)
		return true;
	lmm_run_refused(run, step, "there is %s task %s", is_new ? "already a" : "no",
			run->program.tasks[step->task].name);
	return false;
}

static void run_step(struct lmm_run *run, struct lmm_list *list)
{
	const struct lmm_step *step = &run->program.steps[list->next];
	struct lmm_call inner = { .step = list->next };
	struct lmm_call *outer = run->call;

	list->next = step->end;
	WRITE_ONCE(steps_begun, inner.step + 1);
	if (!is_in_place(run) || !has_task(run, step))
		return;
	run->call = &inner;
	if (run->program.arch->observe)
		run->program.arch->observe(run);
	run_operation(run, step);
	run->call = outer;
	if (!READ_ONCE(run->halted))
		record_step(run, &inner);
}

/* A before_hook ends in the task in which it began; otherwise its call would not. */
static void end_list(struct lmm_run *run, const struct lmm_list *list)
{
	const struct lmm_step *step = &run->program.steps[run->call->step];

	lmm_run_refused(run, step, "its before_hook began in task %s and ends in task %s",
			list->task->name, run->task->name);
}

/**
 * lmm_run_steps() - execute steps on a task's thread
 * @run: the run
 * @task: the task, which has the turn
 * @own: the innermost list that its thread has begun
 *
 * Executes steps of the innermost list of all until @own ends. A step may make another
 * task the running one: then that one's thread gets the turn and continues in the same
 * list, and this thread waits. When it gets the turn back, other threads may have begun
 * lists inside @own, and be waiting in them; this thread then continues there.
 *
 * A halted run ends its lists from the innermost on, each on the thread that began it.
 *
 * Return: true at the end of @own, false if the run was over before.
 */
bool lmm_run_steps(struct lmm_run *run, struct lmm_task *task, const struct lmm_list *own)
{
	for (;;) {
		struct lmm_list *list = run->list;
		bool halted = READ_ONCE(run->halted);
		bool ended = halted || list->next == list->end;

		if (ended && list->task && run->task != list->task) {
			if (!halted)
				end_list(run, list);
			run->task = list->task;
		}
		if (ended && list == own)
			return true;
		if (run->task != task) {
			if (!lmm_task_hand_over(task, run->task))
				return false;
			continue;
		}
		run_step(run, list);
		if (!list->atomic && !task->stays)
			cond_resched();
	}
}

/*
 * Executes the list that a step opens, on the running task's thread or an interrupt of
 * it. The parser limits how deep this recurses.
 */
void lmm_run_list(struct lmm_run *run, const struct lmm_step *step)
{
	u32 first = step - run->program.steps + 1;
	struct lmm_list list = {
		.next	= first,
		.end	= step->end,
		.task	= run->task,
		.outer	= run->list,
	};

	if (first == step->end)
		return;
	list.atomic = run->list->atomic || lmm_operations[step->op].list == LMM_LIST_CONTEXT;
	run->list = &list;
	lmm_run_steps(run, run->task, &list);
	run->list = list.outer;
}

/* A killed writer does not wait for the end of the program, only for that of a step. */
static int run_program(struct lmm_run *run)
{
	const struct lmm_arch *arch = run->program.arch;
	int err;

	err = arch->begin ? arch->begin(run) : 0;
	if (err)
		return err;
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
	lmm_contexts_end(run);
	if ((err || run->err) && arch->end)
		arch->end(run);
	return err ?: run->err;
}

/* What only the run showed is logged as what the parser sees. */
static void log_wrong_line(const struct lmm_run *run)
{
	struct lmm_text text = { .line = run->wrong_line };

	if (text.line)
		lmm_malformed(&text, NULL, "%s", run->error);
}

void lmm_run_free(struct lmm_run *run)
{
	if (!run)
		return;
	WRITE_ONCE(last_run, NULL);
	lmm_contexts_end(run);
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
	run->program_list.end = program->nr_steps;
	run->list = &run->program_list;
	init_completion(&run->done);
	init_completion(&run->wake);
	return lmm_contexts_init(run);
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
	WRITE_ONCE(last_run, run);

	err = prepare(run, text, len) ?: run_program(run);
	if (err) {
		log_wrong_line(run);
		lmm_run_free(run);
		return ERR_PTR(err);
	}
	return run;
}
