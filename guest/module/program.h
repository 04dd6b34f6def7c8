/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A parsed program: its operations, steps and tasks. docs/protocol.md, section 1, has
 * the grammar.
 */
#ifndef _LAZYMMU_PROGRAM_H
#define _LAZYMMU_PROGRAM_H

#include <linux/limits.h>
#include <linux/types.h>

#include "words.h"

struct lmm_api;
struct lmm_arch;
struct lmm_run;
struct lmm_step;

#define LMM_MAX_TEXT		(4U << 20)	/* bytes in a program */
#define LMM_MAX_STEPS		65536U
#define LMM_MAX_HOOK_DEPTH	8U		/* before_hook in before_hook */
#define LMM_MAX_CONTEXTS	2U		/* an interrupt in another context */
#define LMM_MAX_OPEN_CONTEXTS	(1 + LMM_MAX_CONTEXTS)	/* those around a meanwhile, and in it */
#define LMM_MAX_OPEN_LISTS	(LMM_MAX_HOOK_DEPTH + 1 + LMM_MAX_OPEN_CONTEXTS)
#define LMM_MAX_CONTEXT_STEPS	4096U		/* in one context */
#define LMM_MAX_TASKS		64U		/* main included */
#define LMM_MAX_NAME		32U
#define LMM_MAX_SLEEP		1000U		/* milliseconds */
#define LMM_NR_CPUS		2U
#define LMM_TABLE_ENTRIES	256U

/* The task that every scenario has, the first one */
#define LMM_MAIN		0
/* For a step that names no task */
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
	LMM_OP_PEEK,
	LMM_OP_TLB_FLUSH,
	LMM_OP_SWITCH,
	LMM_OP_MIGRATE,
	LMM_OP_SLEEP,
	LMM_OP_FORK,
	LMM_OP_MIGHT_SLEEP,
	LMM_OP_MEANWHILE,
	LMM_OP_CHECK,
	LMM_OP_INTERRUPT,
	LMM_OP_SOFTIRQ,
	LMM_OP_BH_DISABLED,
	LMM_OP_IRQS_OFF,
	LMM_NR_OPS,
};

/* An argument of an operation */
enum lmm_arg {
	LMM_ARG_NONE,
	LMM_ARG_INDEX,
	LMM_ARG_VALUE,
	LMM_ARG_COUNT,		/* of entries, from the index on */
	LMM_ARG_TASK,
	LMM_ARG_TASK_IF_ANY,
	LMM_ARG_NEW_TASK,
	LMM_ARG_CPU,
	LMM_ARG_MS,
	LMM_NR_ARGS,
};

/* The list that may follow an operation */
enum lmm_list_kind {
	LMM_LIST_NONE,
	LMM_LIST_BEFORE_HOOK,	/* optional */
	LMM_LIST_CONTEXT,	/* required */
	LMM_LIST_MEANWHILE,	/* required */
};

/**
 * struct lmm_operation - an operation and its form in a program
 * @name: its name
 * @args: its arguments
 * @list: its list
 * @within: the contexts that may contain this context or meanwhile, a bit for each
 * @leaves: changes which task runs or where, or makes a task; no context and no
 *	meanwhile may contain it
 * @answers: has an answer
 * @run: executes it, if run.c does not
 * @in: whether a revision has it; NULL if all have
 */
struct lmm_operation {
	const char *name;
	u8 args[2];
	u8 list;
	u32 within;
	bool leaves;
	bool answers;
	void (*run)(struct lmm_run *run, const struct lmm_step *step);
	bool (*in)(const struct lmm_api *api);
};

extern const struct lmm_operation lmm_operations[LMM_NR_OPS];

/**
 * struct lmm_step - one step line of a program
 * @value: the value to store into the entry
 * @end: the first step after this one and its list; the list is what lies between
 * @line: its line in the text, from 1
 * @index: entry of the table
 * @count: entries from @index on
 * @ms: milliseconds
 * @op: the operation, an enum lmm_op
 * @task: number of a task, or LMM_NO_TASK
 * @cpu: number of a CPU
 */
struct lmm_step {
	u64 value;
	u32 end;
	u32 line;
	u16 index;
	u16 count;
	u16 ms;
	u8 op;
	u8 task;
	u8 cpu;
};

/* A name of a task in the program; a forked task starts on its parent's CPU */
struct lmm_task_name {
	char name[LMM_MAX_NAME + 1];
	u8 cpu;
	bool made;		/* a line declares it, or a fork makes it */
	u32 line;		/* the first line that has it */
};

/* A parsed program */
struct lmm_program {
	u32 run;			/* the number that the report repeats */
	const struct lmm_api *api;	/* the revision under test */
	const struct lmm_arch *arch;	/* the personality */
	u32 nr_steps;
	struct lmm_step *steps;		/* in the order of the text, nested lists in place */
	u8 nr_declared;			/* tasks at the start */
	u8 nr_tasks;			/* tasks that may exist */
	struct lmm_task_name tasks[LMM_MAX_TASKS];	/* main, the declared, the forked ones */
};

/* The state of the parser */
struct lmm_parser {
	struct lmm_text text;
	struct lmm_program *program;
	u32 nr_steps;			/* read so far */
	u32 nr_open;			/* open lists, and the steps that opened them */
	u32 open[LMM_MAX_OPEN_LISTS];
	u32 nr_hooks;			/* how many of them are before_hooks */
	u32 nr_contexts;		/* how many are contexts, and their steps */
	u32 contexts[LMM_MAX_OPEN_CONTEXTS];
	u32 nr_outside;			/* how many of those are around the open meanwhile */
	bool in_meanwhile;		/* a meanwhile is open */
};

/* tables.c */
const struct lmm_api *lmm_find_api(const struct lmm_word *name);
const struct lmm_arch *lmm_find_arch(const struct lmm_word *name, const struct lmm_api *api);
enum lmm_op lmm_find_op(const struct lmm_word *name);

/* steps.c */
int lmm_parse_new_task(struct lmm_parser *p, u8 *task);
int lmm_check_tasks(struct lmm_parser *p);
int lmm_parse_step(struct lmm_parser *p, const struct lmm_word *first);
int lmm_close_list(struct lmm_parser *p, const struct lmm_word *brace);

/* program.c */
int lmm_parse(struct lmm_program *program, const char *text, size_t len);

#endif /* _LAZYMMU_PROGRAM_H */
