/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program, parsed and checked: its operations, steps and tasks. The grammar is
 * in docs/protocol.md, section 1.
 */
#ifndef _LAZYMMU_PROGRAM_H
#define _LAZYMMU_PROGRAM_H

#include <linux/limits.h>
#include <linux/types.h>

#include "words.h"

struct lmm_api;
struct lmm_arch;

#define LMM_MAX_TEXT		(4U << 20)	/* bytes in a program */
#define LMM_MAX_STEPS		65536U
#define LMM_MAX_HOOK_DEPTH	8U		/* before_hook in before_hook */
#define LMM_MAX_CONTEXTS	2U		/* an interrupt in another context */
#define LMM_MAX_CONTEXT_STEPS	4096U		/* in one context */
#define LMM_MAX_TASKS		64U		/* main included */
#define LMM_MAX_NAME		32U
#define LMM_MAX_SLEEP		1000U		/* milliseconds */
#define LMM_NR_CPUS		2U
#define LMM_TABLE_ENTRIES	256U

/* Of every scenario, and the first of its tasks */
#define LMM_MAIN		0
/* Where a step names none */
#define LMM_NO_TASK		U8_MAX

enum lmm_op {
	LMM_OP_ENABLE,
	LMM_OP_DISABLE,
	LMM_OP_PAUSE,
	LMM_OP_RESUME,
	LMM_OP_ENABLE_WITH_PTES,
	LMM_OP_FLUSH,
	LMM_OP_PAUSE_TASK,
	LMM_OP_RESUME_TASK,
	LMM_OP_SET_PTE,
	LMM_OP_CLEAR_PTE,
	LMM_OP_GET_PTE,
	LMM_OP_TOUCH,
	LMM_OP_LOAD,
	LMM_OP_TLB_FLUSH,
	LMM_OP_SWITCH,
	LMM_OP_MIGRATE,
	LMM_OP_SLEEP,
	LMM_OP_FORK,
	LMM_OP_CHECK,
	LMM_OP_INTERRUPT,
	LMM_OP_SOFTIRQ,
	LMM_OP_BH_DISABLED,
	LMM_OP_IRQS_OFF,
	LMM_NR_OPS,
};

/* What stands behind an operation, and may be there twice */
enum lmm_arg {
	LMM_ARG_NONE,
	LMM_ARG_INDEX,
	LMM_ARG_VALUE,
	LMM_ARG_COUNT,		/* of entries from the index on */
	LMM_ARG_TASK,
	LMM_ARG_TASK_IF_ANY,
	LMM_ARG_NEW_TASK,
	LMM_ARG_CPU,
	LMM_ARG_MS,
	LMM_NR_ARGS,
};

/* Which list may stand behind an operation */
enum lmm_list {
	LMM_LIST_NONE,
	LMM_LIST_BEFORE_HOOK,	/* may */
	LMM_LIST_CONTEXT,	/* must */
};

/**
 * struct lmm_operation - what an operation looks like in a program
 * @name: its name
 * @args: what follows the name
 * @list: which list may follow
 * @interruptible: a context in which an interrupt may come
 * @leaves: the task leaves its CPU, or another comes to be: this needs
 *	preemption, and no list may hold it
 * @answers: it has a value
 * @in: does a revision have it? NULL if each does
 */
struct lmm_operation {
	const char *name;
	u8 args[2];
	u8 list;
	bool interruptible;
	bool leaves;
	bool answers;
	bool (*in)(const struct lmm_api *api);
};

extern const struct lmm_operation lmm_operations[LMM_NR_OPS];

/**
 * struct lmm_step - one step line of a program
 * @value: what to store into the entry
 * @end: number of the first step after this one and the list it opens; the list
 *	is what lies between, and empty if @end is the very next step
 * @index: entry of the table
 * @count: entries from @index on
 * @ms: milliseconds
 * @op: what to do, an enum lmm_op
 * @task: number of a task
 * @cpu: number of a CPU
 */
struct lmm_step {
	u64 value;
	u32 end;
	u16 index;
	u16 count;
	u16 ms;
	u8 op;
	u8 task;
	u8 cpu;
};

/**
 * struct lmm_task_line - a task as the program has it
 * @name: its name
 * @cpu: where it starts; a forked one starts where its parent is
 */
struct lmm_task_line {
	char name[LMM_MAX_NAME + 1];
	u8 cpu;
};

/**
 * struct lmm_program - a program, parsed and checked
 * @run: the number that the report repeats
 * @api: the revision under test
 * @arch: the personality
 * @nr_steps: how many steps there are
 * @steps: the steps in the order of the text, nested lists in place
 * @nr_declared: how many tasks there are at the start
 * @nr_tasks: how many with those that are forked, which stand behind
 * @tasks: main, then the others in the order of the text
 */
struct lmm_program {
	u32 run;
	const struct lmm_api *api;
	const struct lmm_arch *arch;
	u32 nr_steps;
	struct lmm_step *steps;
	u8 nr_declared;
	u8 nr_tasks;
	struct lmm_task_line tasks[LMM_MAX_TASKS];
};

/**
 * struct lmm_parser - a program being read
 * @text: its text
 * @program: what is made of it
 * @nr_steps: steps read so far
 * @running: the task that runs there
 * @cpus: the CPU on which each task is there
 * @nr_open: how many lists are open
 * @open: the steps that opened them
 * @nr_contexts: how many of them are contexts
 * @contexts: the steps that opened those
 */
struct lmm_parser {
	struct lmm_text text;
	struct lmm_program *program;
	u32 nr_steps;
	u8 running;
	u8 cpus[LMM_MAX_TASKS];
	u32 nr_open;
	u32 open[LMM_MAX_HOOK_DEPTH + LMM_MAX_CONTEXTS];
	u32 nr_contexts;
	u32 contexts[LMM_MAX_CONTEXTS];
};

/* tables.c */
const struct lmm_api *lmm_find_api(const struct lmm_word *name);
const struct lmm_arch *lmm_find_arch(const struct lmm_word *name,
				     const struct lmm_api *api);
enum lmm_op lmm_find_op(const struct lmm_word *name);

/* steps.c */
int lmm_parse_new_task(struct lmm_parser *p, u8 *task);
int lmm_parse_step(struct lmm_parser *p, const struct lmm_word *first);
int lmm_close_list(struct lmm_parser *p, const struct lmm_word *brace);

/* program.c */
int lmm_parse(struct lmm_program *program, const char *text, size_t len);

#endif /* _LAZYMMU_PROGRAM_H */
