/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the lazymmu module share, besides the program: a run with its
 * tasks and records, and the interfaces of revisions (lmm_api) and personalities
 * (lmm_arch).
 *
 * docs/protocol.md defines the text of programs and reports. All names begin with
 * lmm_, because Linux 7.0 has names like lazy_mmu_mode_enable() itself.
 */
#ifndef _LAZYMMU_H
#define _LAZYMMU_H

#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/types.h>

#include "program.h"

#define LMM_LINE_SIZE		1000
#define LMM_ERROR_SIZE		80

/* In the order of the report's "total" line */
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
	LMM_NR_COMMON,		/* the personality's own counters follow */
};

#define LMM_MAX_OWN		2
#define LMM_NR_COUNTERS		(LMM_NR_COMMON + LMM_MAX_OWN)

#define LMM_NR_STATE		3	/* at most */

/* A task's state in the revisions from proposal to v4; the counter wraps. */
struct lmm_flag_state {
	u8 count;
	bool enabled;
};

/* A task's state in merged and with-ptes; the counters wrap. */
struct lmm_merged_state {
	u8 enable_count;
	u8 pause_count;
};

/* Entries of the table from @first up to, but not including, @end */
struct lmm_range {
	u16 first;
	u16 end;
};

/* A task's memory in the personality arm64 */
struct lmm_arm64_task {
	bool pending;
};

/* A task's memory in the personality s390x */
struct lmm_s390x_task {
	bool preempt_off;
	struct lmm_range range;
	DECLARE_BITMAP(used, LMM_TABLE_ENTRIES);
	u64 slots[LMM_TABLE_ENTRIES];
};

/* A CPU's memory in the personality x86_64 */
#define LMM_QUEUE_SIZE		32U

struct lmm_x86_64_queue {
	unsigned int len;
	struct {
		u16 index;
		u64 value;
	} updates[LMM_QUEUE_SIZE];
};

/* A task of the scenario */
struct lmm_task {
	struct lmm_run *run;
	const char *name;		/* in the report */
	unsigned int cpu;
	void *state;			/* the revision's memory, &lmm_api.state_size bytes */
	void *arch;			/* the personality's memory, &lmm_arch.task_size bytes */
	struct task_struct *thread;	/* NULL before it starts */
	struct completion turn;		/* it is the task's turn, or the run is over */
};

/* The private page table, and its one TLB */
struct lmm_table {
	u64 memory[LMM_TABLE_ENTRIES];
	/* Entries whose last write has not taken full effect, and their number */
	DECLARE_BITMAP(waiting, LMM_TABLE_ENTRIES);
	unsigned int outstanding;
	/* Entries that the TLB holds, and their values there */
	DECLARE_BITMAP(cached, LMM_TABLE_ENTRIES);
	u64 tlb[LMM_TABLE_ENTRIES];
};

/* A step that is being executed */
struct lmm_call {
	u64 value;	/* the answer, if the operation has one */
	u32 step;	/* its number */
	char hook;	/* the letter of the arch hook that it called, 0 if none */
	bool inside;	/* was the task active, seen from inside that hook? */
};

/* What the report says of a step; all but the first four at the end of the step */
struct lmm_record {
	u64 value;	/* as in struct lmm_call */
	u32 step;
	char hook;
	bool inside;
	bool active;	/* is the task active, in the context of the step? */
	u8 task;	/* the task that ran or was interrupted, or the one that a check names */
	u16 outstanding;
	u8 state[LMM_NR_STATE];	/* the task's, from &lmm_api.get_state */
	u64 counters[LMM_NR_COUNTERS];
};

/* One program's run, from its text to the end of its report */
struct lmm_run {
	struct lmm_program program;
	unsigned int nr_tasks;		/* so far */
	struct lmm_task *tasks;		/* in the order of &lmm_program.tasks */
	void *task_memory;		/* what their @state and @arch point to */
	void *cpus;			/* the personality's memory, &lmm_arch.cpu_size each */
	struct lmm_task *task;		/* the task that runs; the scenario's "current" */
	u32 next;			/* the next step outside of lists */
	struct lmm_call *call;		/* the innermost step; in an interrupt, one of its list */
	struct lmm_table table;
	u64 counters[LMM_NR_COUNTERS];
	struct lmm_record *records;	/* of the steps that ran, in the order in which they end */
	u32 nr_records;
	char error[LMM_ERROR_SIZE];	/* why the run gives no result; empty if it gives one */
	int err;			/* why the run could not continue, a negative errno */
	bool halted;			/* execute no further step */

	bool over;			/* no task gets another turn */
	struct completion done;		/* the last step has ended */
	struct completion wake;		/* a sleep must end early */
	struct irq_work irq_work;	/* raises the interrupt of an interrupt block */
	struct tasklet_struct tasklet;	/* raises the softirq of a softirq block */
	const struct lmm_step *interrupt;	/* the step whose list the interrupt executes */
	const struct lmm_step *softirq;		/* the step whose list the softirq executes */

	u32 line;			/* the next line of the report */
	u32 crc;			/* CRC-32 over the lines before it, not yet inverted */
	char text[LMM_LINE_SIZE];	/* the lines of a log record; printk cuts at 1024 bytes */
};

/**
 * struct lmm_api - a revision of the API
 * @name: its name in a program's "revision" line
 * @state_names: its names for a task's state, NULL after the last
 * @state_size: bytes that it needs for a task's state, all 0 at the start
 * @hooks_only: the report has its calls, hooks and state, and nothing else
 * @arch: its own personality, the only one it runs with; NULL if it runs with all
 * @enable: lazy_mmu_mode_enable()
 * @disable: lazy_mmu_mode_disable()
 * @pause: lazy_mmu_mode_pause()
 * @resume: lazy_mmu_mode_resume()
 * @enable_with_ptes: lazy_mmu_mode_enable_with_ptes(); optional
 * @pause_task: __task_lazy_mmu_mode_pause(); optional, but needs @resume_task
 * @resume_task: __task_lazy_mmu_mode_resume()
 * @active: is_lazy_mmu_mode_active(); false in interrupt
 * @get_state: stores a task's state, in the order of @state_names
 * @flush: arch_flush_lazy_mmu_mode(), if it is not the personality's; optional
 * @retire: called by a task's thread before it ends; optional
 *
 * An array of revisions ends with an empty one. The operations act on
 * &lmm_run.task, in place of the kernel's current.
 */
struct lmm_api {
	const char *name;
	const char *state_names[LMM_NR_STATE];
	size_t state_size;
	bool hooks_only;
	const struct lmm_arch *arch;
	void (*enable)(struct lmm_run *run);
	void (*disable)(struct lmm_run *run);
	void (*pause)(struct lmm_run *run);
	void (*resume)(struct lmm_run *run);
	void (*enable_with_ptes)(struct lmm_run *run);
	void (*pause_task)(struct lmm_run *run, struct lmm_task *task);
	void (*resume_task)(struct lmm_run *run, struct lmm_task *task);
	bool (*active)(const struct lmm_task *task);
	void (*get_state)(const struct lmm_task *task, u8 state[LMM_NR_STATE]);
	void (*flush)(struct lmm_run *run);
	void (*retire)(struct lmm_task *task);
};

/**
 * struct lmm_arch - a personality: an architecture as the API sees it
 * @name: its name in a program's "personality" line
 * @own_counters: names of the counters from LMM_NR_COMMON on, NULL after the last
 * @task_size: bytes that it needs for a task, all 0 at the start
 * @cpu_size: bytes that it needs for a CPU, all 0 at the start
 * @write: stores a value into an entry, at once or later
 * @read: returns an entry's value
 * @enter: arch_enter_lazy_mmu_mode(); optional
 * @enter_with_ptes: the same with a range of entries; optional
 * @leave: arch_leave_lazy_mmu_mode()
 * @flush: arch_flush_lazy_mmu_mode()
 * @pause: arch_pause_lazy_mmu_mode(); NULL if the architecture defines neither it
 *	nor arch_resume_lazy_mmu_mode(), which does nothing more
 * @leave_cpu: called before the running task is switched away from, migrates or
 *	sleeps; optional
 * @fork: copies to a new task what it inherits from the running one; optional
 * @preempt_off: whether preemption is off in the running task; never if NULL
 *
 * All act on &lmm_run.task and its CPU.
 */
struct lmm_arch {
	const char *name;
	const char *own_counters[LMM_MAX_OWN];
	size_t task_size;
	size_t cpu_size;
	void (*write)(struct lmm_run *run, u16 index, u64 value);
	u64 (*read)(const struct lmm_run *run, u16 index);
	void (*enter)(struct lmm_run *run);
	void (*enter_with_ptes)(struct lmm_run *run, struct lmm_range range);
	void (*leave)(struct lmm_run *run);
	void (*flush)(struct lmm_run *run);
	void (*pause)(struct lmm_run *run);
	void (*leave_cpu)(struct lmm_run *run);
	void (*fork)(const struct lmm_run *run, struct lmm_task *child);
	bool (*preempt_off)(const struct lmm_run *run);
};

/* api_proposal.c */
bool lmm_flag_active(const struct lmm_task *task);
void lmm_flag_get_state(const struct lmm_task *task, u8 state[LMM_NR_STATE]);

/* tables.c */
int lmm_tables_check(void);

/* run.c */
struct lmm_run *lmm_run_text(const char *text, size_t len);
void lmm_run_free(struct lmm_run *run);
void lmm_run_list(struct lmm_run *run, const struct lmm_step *step);
bool lmm_run_turn(struct lmm_run *run, const struct lmm_task *task);
void lmm_call_hook(struct lmm_run *run, enum lmm_counter counter, char letter);
__printf(2, 3)
void lmm_run_failed(struct lmm_run *run, const char *fmt, ...);

/* tasks.c */
extern unsigned int live_threads;
int lmm_tasks_start(struct lmm_run *run);
void lmm_tasks_stop(struct lmm_run *run);
size_t lmm_task_memory(const struct lmm_run *run);
void lmm_task_switch(struct lmm_run *run, const struct lmm_step *step);
void lmm_task_migrate(struct lmm_run *run, const struct lmm_step *step);
void lmm_task_sleep(struct lmm_run *run, const struct lmm_step *step);
void lmm_task_fork(struct lmm_run *run, const struct lmm_step *step);

/* context.c */
void lmm_contexts_init(struct lmm_run *run);
void lmm_context_interrupt(struct lmm_run *run, const struct lmm_step *step);
void lmm_context_softirq(struct lmm_run *run, const struct lmm_step *step);
void lmm_context_bh_disabled(struct lmm_run *run, const struct lmm_step *step);
void lmm_context_irqs_off(struct lmm_run *run, const struct lmm_step *step);

/* table.c */
bool lmm_pte_valid(u64 value);
void lmm_write_deferred(struct lmm_run *run, u16 index);
void lmm_write_direct(struct lmm_run *run, u16 index);
void lmm_write_done(struct lmm_run *run, u16 index);
void lmm_writes_done(struct lmm_run *run);
u64 lmm_clear_pte(struct lmm_run *run, u16 index);
bool lmm_touch(const struct lmm_run *run, u16 index);
u64 lmm_load(struct lmm_run *run, u16 index);
void lmm_tlb_flush(struct lmm_run *run);
unsigned int lmm_table_entries(const struct lmm_run *run);

/* hook.c */
void lmm_warn_on(struct lmm_run *run, bool condition);
void lmm_arch_enter(struct lmm_run *run);
void lmm_arch_enter_with_ptes(struct lmm_run *run);
void lmm_arch_enter_with_range(struct lmm_run *run, struct lmm_range range);
void lmm_arch_leave(struct lmm_run *run);
void lmm_arch_flush(struct lmm_run *run);
void lmm_arch_pause(struct lmm_run *run);
void lmm_arch_resume(struct lmm_run *run);

/* report.c */
u32 lmm_report_lines(const struct lmm_run *run);
void lmm_report_print(struct lmm_run *run, u32 lines);

#endif /* _LAZYMMU_H */
