// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser of step lines: operations with their arguments, and lists. tables.c says
 * which arguments an operation takes. Which task runs and where, only a run can show.
 */
#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "program.h"

static u8 find_task(const struct lmm_program *program, const struct lmm_word *name)
{
	u8 task;

	for (task = 0; task < program->nr_tasks; task++)
		if (lmm_word_is(name, program->tasks[task].name))
			break;
	return task;
}

static bool is_name(const struct lmm_word *word)
{
	size_t i;

	if (!word->len || word->len > LMM_MAX_NAME)
		return false;
	for (i = 0; i < word->len; i++) {
		char c = word->s[i];

		if (!isascii(c) || (!isalpha(c) && c != '_' &&
				    (!i || (!isdigit(c) && c != '-'))))
			return false;
	}
	return true;
}

static u8 add_task(struct lmm_parser *p, const struct lmm_word *name)
{
	u8 task = p->program->nr_tasks++;

	memcpy(p->program->tasks[task].name, name->s, name->len);
	p->program->tasks[task].line = p->text.line;
	return task;
}

/* Reads a name for a task that comes to be here; a fork may have one that is known. */
static int parse_made_task(struct lmm_parser *p, u8 *task, bool may_be_known)
{
	struct lmm_word name = lmm_next_word(&p->text);
	struct lmm_program *program = p->program;

	if (!is_name(&name))
		return lmm_malformed(&p->text, &name, "expected a task's name, not");
	*task = find_task(program, &name);
	if (*task < program->nr_tasks && !may_be_known)
		return lmm_malformed(&p->text, &name, "there is already a task");
	if (*task == LMM_MAX_TASKS)
		return lmm_malformed(&p->text, &name, "more than %u tasks:",
				     LMM_MAX_TASKS);
	if (*task == program->nr_tasks)
		add_task(p, &name);
	program->tasks[*task].made = true;
	return 0;
}

/* Reads the name of a new task, and stores its number. Returns 0 or -EINVAL. */
int lmm_parse_new_task(struct lmm_parser *p, u8 *task)
{
	return parse_made_task(p, task, false);
}

/* The name may be that of a later fork, since a step before it may never run. */
static int parse_task(struct lmm_parser *p, struct lmm_step *step)
{
	struct lmm_word name = lmm_next_word(&p->text);

	step->task = find_task(p->program, &name);
	if (step->task < p->program->nr_tasks)
		return 0;
	if (!is_name(&name) || step->task == LMM_MAX_TASKS)
		return lmm_malformed(&p->text, &name, "there is no task");
	add_task(p, &name);
	return 0;
}

/* Checks, after the last step, that each name is a task's. Returns 0 or -EINVAL. */
int lmm_check_tasks(struct lmm_parser *p)
{
	for (unsigned int i = 0; i < p->program->nr_tasks; i++) {
		const struct lmm_task_name *task = &p->program->tasks[i];
		struct lmm_word name = { task->name, strlen(task->name) };

		if (task->made)
			continue;
		p->text.line = task->line;
		return lmm_malformed(&p->text, &name, "there is no task");
	}
	return 0;
}

static int parse_number(struct lmm_parser *p, struct lmm_step *step, enum lmm_arg arg)
{
	const u64 limits[LMM_NR_ARGS][2] = {
		[LMM_ARG_INDEX]	= { 0, LMM_TABLE_ENTRIES - 1 },
		[LMM_ARG_VALUE]	= { 0, U64_MAX },
		[LMM_ARG_COUNT]	= { 1, LMM_TABLE_ENTRIES - step->index },
		[LMM_ARG_CPU]	= { 0, LMM_NR_CPUS - 1 },
		[LMM_ARG_MS]	= { 0, LMM_MAX_SLEEP },
	};
	u64 number = 0;
	int err = lmm_number_in(&p->text, limits[arg][0], limits[arg][1], &number);

	switch (arg) {
	case LMM_ARG_INDEX:
		step->index = number;
		break;
	case LMM_ARG_COUNT:
		step->count = number;
		break;
	case LMM_ARG_CPU:
		step->cpu = number;
		break;
	case LMM_ARG_MS:
		step->ms = number;
		break;
	default:
		step->value = number;
	}
	return err;
}

static int parse_arg(struct lmm_parser *p, struct lmm_step *step, enum lmm_arg arg)
{
	switch (arg) {
	case LMM_ARG_NONE:
		return 0;
	case LMM_ARG_TASK_IF_ANY:
		return p->text.pos == p->text.eol ? 0 : parse_task(p, step);
	case LMM_ARG_TASK:
		return parse_task(p, step);
	case LMM_ARG_NEW_TASK:
		return parse_made_task(p, &step->task, true);
	default:
		return parse_number(p, step, arg);
	}
}

static int parse_args(struct lmm_parser *p, struct lmm_step *step)
{
	const struct lmm_operation *operation = &lmm_operations[step->op];
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(operation->args); i++)
		err = parse_arg(p, step, operation->args[i]);
	return err;
}

static int open_list(struct lmm_parser *p, u32 step, const struct lmm_word *brace)
{
	u8 list = lmm_operations[p->program->steps[step].op].list;

	if (!lmm_word_is(brace, "{") || list == LMM_LIST_NONE)
		return lmm_malformed(&p->text, brace, "unexpected");
	if (list == LMM_LIST_BEFORE_HOOK && p->nr_hooks == LMM_MAX_HOOK_DEPTH)
		return lmm_malformed(&p->text, brace, "before_hook more than %u deep:",
				     LMM_MAX_HOOK_DEPTH);
	if (list == LMM_LIST_BEFORE_HOOK) {
		p->nr_hooks++;
	} else if (list == LMM_LIST_CONTEXT) {
		p->contexts[p->nr_contexts++] = step;
	} else {
		p->in_meanwhile = true;
		p->nr_outside = p->nr_contexts;
	}
	p->open[p->nr_open++] = step;
	return lmm_no_more_words(&p->text);
}

/* Parses the line that closes a list. Returns 0 or -EINVAL. */
int lmm_close_list(struct lmm_parser *p, const struct lmm_word *brace)
{
	struct lmm_step *step;
	u8 list;

	if (!p->nr_open)
		return lmm_malformed(&p->text, brace, "no list is open, unexpected");
	step = &p->program->steps[p->open[--p->nr_open]];
	if (p->open[p->nr_open] + 1 == p->nr_steps)
		return lmm_malformed(&p->text, brace, "empty list before");
	step->end = p->nr_steps;
	list = lmm_operations[step->op].list;
	if (list == LMM_LIST_BEFORE_HOOK) {
		p->nr_hooks--;
	} else if (list == LMM_LIST_CONTEXT) {
		p->nr_contexts--;
	} else {
		p->in_meanwhile = false;
		p->nr_outside = 0;
	}
	return lmm_no_more_words(&p->text);
}

/*
 * Checks whether a context or a meanwhile is allowed in the open contexts. Those around
 * a meanwhile are no concern of what it contains.
 */
static int check_contexts(struct lmm_parser *p, enum lmm_op op, const struct lmm_word *word)
{
	const struct lmm_operation *operation = &lmm_operations[op];
	u32 nr = p->nr_contexts - p->nr_outside;
	enum lmm_op outer;

	if (operation->list != LMM_LIST_CONTEXT && operation->list != LMM_LIST_MEANWHILE)
		return 0;
	if (!nr)
		return 0;
	outer = p->program->steps[p->contexts[p->nr_contexts - 1]].op;
	if (nr < LMM_MAX_CONTEXTS && operation->within & BIT(outer))
		return 0;
	return lmm_malformed(&p->text, word, "not allowed in %s:", lmm_operations[outer].name);
}

/* Checks whether the operation is allowed inside the open lists. */
static int check_place(struct lmm_parser *p, enum lmm_op op, const struct lmm_word *word)
{
	const struct lmm_operation *operation = &lmm_operations[op];

	if (p->in_meanwhile && (operation->leaves || operation->list == LMM_LIST_MEANWHILE))
		return lmm_malformed(&p->text, word, "not allowed in a meanwhile:");
	if (!p->nr_contexts)
		return 0;
	if (operation->leaves)
		return lmm_malformed(&p->text, word, "not allowed in a context:");
	/* The outermost context counts the steps of all in it. */
	if (p->nr_steps - p->contexts[0] > LMM_MAX_CONTEXT_STEPS)
		return lmm_malformed(&p->text, word, "more than %u steps in one context:",
				     LMM_MAX_CONTEXT_STEPS);
	return check_contexts(p, op, word);
}

static int parse_op(struct lmm_parser *p, enum lmm_op *op, struct lmm_word *word)
{
	const struct lmm_api *api = p->program->api;

	*word = lmm_next_word(&p->text);
	*op = lmm_find_op(word);
	if (*op == LMM_NR_OPS)
		return lmm_malformed(&p->text, word, "unknown operation");
	if (lmm_operations[*op].in && !lmm_operations[*op].in(api))
		return lmm_malformed(&p->text, word, "the revision has no operation");
	return check_place(p, *op, word);
}

/* Parses a step line from its first word on. Returns 0 or -EINVAL. */
int lmm_parse_step(struct lmm_parser *p, const struct lmm_word *first)
{
	struct lmm_program *program = p->program;
	struct lmm_word word, brace;
	struct lmm_step *step;
	enum lmm_op op;
	u64 number;
	int err;

	if (p->nr_steps == program->nr_steps)
		return lmm_malformed(&p->text, first, "expected no more than %u steps, not",
				     program->nr_steps);
	if (!lmm_word_to_number(first, &number) || number != p->nr_steps)
		return lmm_malformed(&p->text, first, "expected step %u, not", p->nr_steps);
	err = parse_op(p, &op, &word);
	if (err)
		return err;

	step = &program->steps[p->nr_steps++];
	step->op = op;
	step->end = p->nr_steps;
	step->line = p->text.line;
	step->task = LMM_NO_TASK;
	err = parse_args(p, step);
	if (err)
		return err;
	if (p->text.pos < p->text.eol) {
		brace = lmm_next_word(&p->text);
		return open_list(p, p->nr_steps - 1, &brace);
	}
	if (lmm_operations[op].list > LMM_LIST_BEFORE_HOOK)
		return lmm_malformed(&p->text, &word, "no list after");
	return 0;
}
