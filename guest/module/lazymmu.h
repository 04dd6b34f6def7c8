/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the lazymmu module share: the parsed program, the run with
 * its records, and the interfaces of revisions (lmm_api) and personalities
 * (lmm_arch).
 *
 * docs/protocol.md fixes the texts that go in and come out. The prefix is lmm_
 * throughout, since Linux 7.0 has names like lazy_mmu_mode_enable() itself.
 */
#ifndef _LAZYMMU_H
#define _LAZYMMU_H

#include <linux/types.h>

#define LMM_MAX_TEXT		(4U << 20)	/* bytes in a program */
#define LMM_MAX_STEPS		65536U
#define LMM_MAX_HOOK_DEPTH	8U		/* before_hook in before_hook */
#define LMM_MAX_IRQ_STEPS	4096U		/* in one interrupt block */
#define LMM_TABLE_ENTRIES	256U
#define LMM_LINE_SIZE		1000

/* The order is that of the report's "total" line. */
enum lmm_counter {
	LMM_CALL_ENABLE,
	LMM_CALL_DISABLE,
	LMM_CALL_PAUSE,
	LMM_CALL_RESUME,
	LMM_CALL_ENABLE_WITH_PTES,
	LMM_CALL_FLUSH,
	LMM_ARCH_ENTER,
	LMM_ARCH_LEAVE,
	LMM_ARCH_FLUSH,
	LMM_ARCH_PAUSE,
	LMM_ARCH_RESUME,
	LMM_ARCH_ENTER_WITH_PTES,
	LMM_DEFERRED,
	LMM_DIRECT,
	LMM_WARNINGS,
	LMM_NR_COMMON,		/* here begin the personality's own */
};

#define LMM_MAX_OWN		2
#define LMM_NR_COUNTERS		(LMM_NR_COMMON + LMM_MAX_OWN)

enum lmm_op {
	LMM_OP_ENABLE,
	LMM_OP_DISABLE,
	LMM_OP_PAUSE,
	LMM_OP_RESUME,
	LMM_OP_ENABLE_WITH_PTES,
	LMM_OP_FLUSH,
	LMM_OP_CHECK,
	LMM_OP_INTERRUPT,
	LMM_NR_OPS,
};

extern const char * const lmm_op_names[LMM_NR_OPS];

/**
 * struct lmm_word - a word of a program's text
 * @s: where it begins; it may hold any byte but space and newline, and nothing
 *	terminates it
 * @len: its length in bytes
 */
struct lmm_word {
	const char *s;
	size_t len;
};

/**
 * struct lmm_step - one step line of a program
 * @op: what to do
 * @end: number of the first step after this one and the list it opens; the list
 *	is what lies between, and empty if @end is the very next step
 */
struct lmm_step {
	enum lmm_op op;
	u32 end;
};

/**
 * struct lmm_program - a program, parsed and checked
 * @run: the number that the report repeats
 * @api: the revision under test
 * @arch: the personality
 * @nr_steps: how many steps there are
 * @steps: the steps in the order of the text, nested lists in place
 */
struct lmm_program {
	u32 run;
	const struct lmm_api *api;
	const struct lmm_arch *arch;
	u32 nr_steps;
	struct lmm_step *steps;
};

#define LMM_NR_STATE	2

/* What the revisions keep in task_struct; the u8 counters wrap. */
struct lmm_proposal_state {	/* amended too */
	u8 count;
	bool enabled;
};

struct lmm_merged_state {
	u8 enable_count;
	u8 pause_count;
};

union lmm_state {
	struct lmm_proposal_state proposal;
	struct lmm_merged_state merged;
};

/**
 * struct lmm_task - a task of the scenario
 * @name: its name in the report
 * @state: what the kernel would keep for it
 */
struct lmm_task {
	const char *name;
	union lmm_state state;
};

/**
 * struct lmm_call - a step being executed
 * @step: its number
 * @hook: letter of the arch hook that it called, 0 if none
 * @inside: was the task active, as seen from inside that hook?
 */
struct lmm_call {
	u32 step;
	char hook;
	bool inside;
};

/**
 * struct lmm_record - what a step leaves behind for the report
 * @call: the step and its hook
 * @active: was the task active at the end of the step, where the step stands?
 * @task: the task that ran or was interrupted
 * @state: its state, as &lmm_api.state tells it
 * @counters: all counters at the end of the step
 */
struct lmm_record {
	struct lmm_call call;
	bool active;
	u8 state[LMM_NR_STATE];
	const struct lmm_task *task;
	u64 counters[LMM_NR_COUNTERS];
};

/**
 * struct lmm_run - one program's run, from the parser to the end of its report
 * @program: what is run
 * @main: the task that every scenario has
 * @task: the running task of the scenario
 * @call: the innermost step being executed; in an interrupt, one of the block
 * @counters: the counters so far
 * @records: one for each step that ran, in the order in which steps end
 * @nr_records: how many of them are written
 * @error: why this run is no result; NULL if it is one
 * @line: the next line of the report
 * @crc: CRC-32 over the lines before it, not yet inverted
 * @text: room for the lines of a record; printk's end at 1024 bytes
 */
struct lmm_run {
	struct lmm_program program;
	struct lmm_task main;
	struct lmm_task *task;
	struct lmm_call *call;
	u64 counters[LMM_NR_COUNTERS];
	struct lmm_record *records;
	u32 nr_records;
	const char *error;

	u32 line;
	u32 crc;
	char text[LMM_LINE_SIZE];
};

/**
 * struct lmm_api - a revision of the API
 * @name: as in the program's "revision" line
 * @state_names: what the revision calls its state
 * @enable: lazy_mmu_mode_enable()
 * @disable: lazy_mmu_mode_disable()
 * @pause: lazy_mmu_mode_pause()
 * @resume: lazy_mmu_mode_resume()
 * @enable_with_ptes: lazy_mmu_mode_enable_with_ptes(); NULL if the revision has
 *	none
 * @active: is_lazy_mmu_mode_active(), false in interrupt
 * @state: stores the task's state in the order of @state_names
 *
 * The operations act on &lmm_run.task, which stands for the kernel's current.
 */
struct lmm_api {
	const char *name;
	const char *state_names[LMM_NR_STATE];
	void (*enable)(struct lmm_run *run);
	void (*disable)(struct lmm_run *run);
	void (*pause)(struct lmm_run *run);
	void (*resume)(struct lmm_run *run);
	void (*enable_with_ptes)(struct lmm_run *run);
	bool (*active)(const struct lmm_task *task);
	void (*state)(const struct lmm_task *task, u8 state[LMM_NR_STATE]);
};

/**
 * struct lmm_arch - a personality: the architecture as the API sees it
 * @name: as in the program's "personality" line
 * @has_pause: arch_pause and arch_resume are defined
 * @own_counters: names of the counters from LMM_NR_COMMON on, NULL where there
 *	are fewer
 */
struct lmm_arch {
	const char *name;
	bool has_pause;
	const char *own_counters[LMM_MAX_OWN];
};

/* api_*.c, arch_*.c: each one is an entry in tables.c */
extern const struct lmm_api lmm_api_proposal;
extern const struct lmm_api lmm_api_amended;
extern const struct lmm_api lmm_api_merged;
extern const struct lmm_arch lmm_arch_arm64;
extern const struct lmm_arch lmm_arch_s390x;
extern const struct lmm_arch lmm_arch_x86_64;

/* tables.c */
bool lmm_word_is(const struct lmm_word *word, const char *name);
const struct lmm_api *lmm_find_api(const struct lmm_word *name);
const struct lmm_arch *lmm_find_arch(const struct lmm_word *name);
enum lmm_op lmm_find_op(const struct lmm_word *name);

/* program.c */
int lmm_parse(struct lmm_program *program, const char *text, size_t len);

/* run.c */
struct lmm_run *lmm_run_text(const char *text, size_t len);
void lmm_run_free(struct lmm_run *run);
void lmm_run_steps(struct lmm_run *run, u32 first, u32 end);

/* hook.c */
void lmm_arch_enter(struct lmm_run *run);
void lmm_arch_enter_with_ptes(struct lmm_run *run);
void lmm_arch_leave(struct lmm_run *run);
void lmm_arch_flush(struct lmm_run *run);
void lmm_arch_pause(struct lmm_run *run);
void lmm_arch_resume(struct lmm_run *run);

/* report.c */
u32 lmm_report_lines(const struct lmm_run *run);
void lmm_report_print(struct lmm_run *run, u32 lines);

#endif /* _LAZYMMU_H */
