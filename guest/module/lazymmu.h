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
#include <linux/types.h>

#include "program.h"

#define LMM_LINE_SIZE		1000
#define LMM_ERROR_SIZE		128

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
	LMM_ATOMIC_SLEEPS,
	LMM_NR_COMMON,		/* the personality's own counters follow */
};

#define LMM_MAX_OWN		2
#define LMM_NR_COUNTERS		(LMM_NR_COMMON + LMM_MAX_OWN)

#define LMM_NR_STATE		3	/* at most */
#define LMM_MAX_HOOKS		3	/* that one step calls: two of its switches out, one in */

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

/* A CPU's memory in the personality arm64: entries whose last write waits for its barrier */
struct lmm_arm64_cpu {
	DECLARE_BITMAP(owing, LMM_TABLE_ENTRIES);
};

#define LMM_ARM64_BARRIERS	LMM_NR_COMMON	/* its counter */

/* A CPU's memory in the personality s390x */
struct lmm_s390x_cpu {
	int lazy_count;
	struct lmm_range range;		/* empty if there is none */
	DECLARE_BITMAP(used, LMM_TABLE_ENTRIES);
	u64 slots[LMM_TABLE_ENTRIES];
};

/* A CPU's memory in the personalities x86_64 and xen; xen uses one update less */
#define LMM_QUEUE_SIZE		32U

struct lmm_queue {
	unsigned int len;
	struct {
		u16 index;
		u64 value;
	} updates[LMM_QUEUE_SIZE];
};

/* A CPU's memory in the personality ppc64 */
#define LMM_BATCH_SIZE		192U

struct lmm_ppc64_cpu {
	unsigned int len;
	u16 batch[LMM_BATCH_SIZE];
};

/* Why a task's thread is woken */
enum lmm_due {
	LMM_DUE_NOTHING,
	LMM_DUE_TURN,		/* it is the task's turn */
	LMM_DUE_MEANWHILE,	/* &lmm_run.meanwhile */
	LMM_DUE_STANDBY,	/* &lmm_run.standby */
};

/* A task of the scenario; all 0 before it exists */
struct lmm_task {
	struct lmm_run *run;
	const char *name;		/* in the report */
	unsigned int cpu;
	int hold;			/* how often the personality has turned preemption off */
	void *state;			/* the revision's memory, &lmm_api.state_size bytes */
	void *arch;			/* the personality's memory, &lmm_arch.task_size bytes */
	struct task_struct *thread;	/* NULL before it starts */
	enum lmm_due due;		/* set before @wake is completed */
	struct completion wake;		/* something is due, or the run is over */
	struct completion arrived;	/* its thread waits for its first turn, or will at once */
	bool stays;			/* preemption is off, as &lmm_arch.exact says */
};

/* The private page table, and its one TLB */
struct lmm_table {
	u64 memory[LMM_TABLE_ENTRIES];
	u64 newest[LMM_TABLE_ENTRIES];	/* the values of the last writes */
	u16 owed[LMM_TABLE_ENTRIES];	/* what waits: updates, slots, flushes, a barrier */
	/* Entries for which touch is false, and their number */
	DECLARE_BITMAP(waiting, LMM_TABLE_ENTRIES);
	unsigned int outstanding;
	/* Entries that the TLB holds, and their values there */
	DECLARE_BITMAP(cached, LMM_TABLE_ENTRIES);
	u64 tlb[LMM_TABLE_ENTRIES];
};

/* The hooks that a step called, in order */
struct lmm_hooks {
	u8 nr;
	char letters[LMM_MAX_HOOKS];
	bool inside[LMM_MAX_HOOKS];	/* was the task active, seen from inside? */
};

/* A step that is being executed */
struct lmm_call {
	u64 value;	/* the answer, if the operation has one */
	u32 step;	/* its number */
	struct lmm_hooks hooks;
};

/*
 * A list that is being executed. Lists are nested, and so are the stacks of the threads
 * that execute them: whoever has the turn executes steps of the innermost list, and the
 * thread that began a list also ends it.
 */
struct lmm_list {
	u32 next;			/* the next step */
	u32 end;			/* the step after the last one */
	bool atomic;			/* its steps must not sleep */
	struct lmm_task *task;		/* the task that began it; NULL for the program */
	struct lmm_list *outer;
};

/* What the report says of a step; all but the first three at the end of the step */
struct lmm_record {
	u64 value;	/* as in struct lmm_call */
	u32 step;
	struct lmm_hooks hooks;
	bool active;	/* is the task active, in the context of the step? */
	u8 task;	/* the task that ran or was interrupted, or the one that a check names */
	u16 outstanding;
	u8 state[LMM_NR_STATE];	/* the task's, from &lmm_api.get_state */
	u64 counters[LMM_NR_COUNTERS];
};

/*
 * A task that stands by on its CPU while another one, on the other CPU, is in a context
 * in which it cannot sleep (meanwhile.c)
 */
struct lmm_standby {
	struct lmm_task *task;		/* NULL if there is none */
	int state;			/* an enum of meanwhile.c */
};

/* One program's run, from its text to the end of its report */
struct lmm_run {
	struct lmm_program program;
	unsigned int nr_tasks;		/* so far, and their numbers in the order of the report */
	u8 order[LMM_MAX_TASKS];
	struct lmm_task *tasks;		/* by their numbers in &lmm_program.tasks */
	void *task_memory;		/* what their @state and @arch point to */
	void *cpus;			/* the personality's memory, &lmm_arch.cpu_size each */
	struct lmm_task *present[LMM_NR_CPUS];
	struct lmm_task *task;		/* the task that runs; the scenario's "current" */
	struct lmm_task *last;		/* the one that has given the turn away; NULL at first */
	struct lmm_list program_list;	/* all steps that are in no list */
	struct lmm_list *list;		/* the innermost list */
	struct lmm_call *call;		/* the innermost step that contains @list */
	const struct lmm_step *meanwhile;	/* the step whose list another CPU executes */
	struct lmm_standby standby;
	struct lmm_table table;
	u64 counters[LMM_NR_COUNTERS];
	struct lmm_record *records;	/* of the steps that ran, in the order in which they end */
	u32 nr_records;
	char error[LMM_ERROR_SIZE];	/* why the run gives no result; empty if it gives one */
	u32 wrong_line;			/* the program's line that is wrong; 0 if none is */
	int err;			/* why the run could not continue, a negative errno */
	bool halted;			/* execute no further step */

	bool over;			/* no task gets another turn */
	struct completion done;		/* the last step has ended */
	struct completion wake;		/* a sleep must end early */
	struct lmm_contexts *contexts;	/* raises interrupts and softirqs (context.c) */
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
 * @hooks_only: the report has no page table
 * @unseen: the counters that the report lacks, a bit for each
 * @arch: its own personality, the only one it runs with; NULL if it runs with all
 * @enable: lazy_mmu_mode_enable()
 * @disable: lazy_mmu_mode_disable()
 * @pause: lazy_mmu_mode_pause()
 * @resume: lazy_mmu_mode_resume()
 * @enable_with_ptes: lazy_mmu_mode_enable_with_ptes(); optional
 * @pause_task: __task_lazy_mmu_mode_pause(); optional, but needs @resume_task, and the
 *	state begins with a struct lmm_merged_state
 * @resume_task: __task_lazy_mmu_mode_resume()
 * @active: is_lazy_mmu_mode_active(); false in interrupt
 * @get_state: stores a task's state, in the order of @state_names
 * @flush: arch_flush_lazy_mmu_mode(), if it is not the personality's; optional
 * @check_sleep: might_sleep(), if a complaint is not the module's; optional
 * @here: whether this machine has it; always if NULL
 * @arise: called by a task's thread when it begins; optional
 * @keep: keeps a task's state; called for each when the program has ended, by the thread
 *	that ran last; optional
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
	u32 unseen;
	const struct lmm_arch *arch;
	bool (*here)(void);
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
	void (*check_sleep)(struct lmm_run *run);
	void (*arise)(struct lmm_task *task);
	void (*keep)(struct lmm_task *task);
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
 *	nor @resume
 * @resume: arch_resume_lazy_mmu_mode()
 * @switch_out: called when the running task is switched out of its CPU; optional
 * @switch_in: called when the running task has been switched in; optional
 * @fork: copies to a new task what it inherits from the running one; optional
 * @absent: called for a new task, which is on no CPU yet; optional
 * @exact: a thread leaves its CPU only where the program says so
 * @begin: called before a run's first thread starts; returns 0 or a negative errno; optional
 * @end: called at the end of the program, or after the threads if it does not come to that, if
 *	@begin succeeded; optional
 * @exit: called before the module goes; optional
 * @observe: looks what the table's memory holds; optional
 *
 * All but @absent act on &lmm_run.task and its CPU.
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
	void (*resume)(struct lmm_run *run);
	void (*switch_out)(struct lmm_run *run);
	void (*switch_in)(struct lmm_run *run);
	void (*fork)(const struct lmm_run *run, struct lmm_task *child);
	void (*absent)(const struct lmm_run *run, struct lmm_task *task);
	bool exact;
	int (*begin)(struct lmm_run *run);
	void (*end)(struct lmm_run *run);
	void (*observe)(struct lmm_run *run);
	void (*exit)(void);
};

/* api_proposal.c */
bool lmm_flag_active(const struct lmm_task *task);
void lmm_flag_get_state(const struct lmm_task *task, u8 state[LMM_NR_STATE]);

/* tables.c */
int lmm_tables_check(void);
void lmm_tables_exit(void);

/* run.c */
struct lmm_run *lmm_run_text(const char *text, size_t len);
void lmm_run_free(struct lmm_run *run);
extern struct notifier_block lmm_panic_notifier;
bool lmm_run_steps(struct lmm_run *run, struct lmm_task *task, const struct lmm_list *own);
void lmm_run_switched(struct lmm_run *run);
void lmm_run_list(struct lmm_run *run, const struct lmm_step *step);
void lmm_call_hook(struct lmm_run *run, enum lmm_counter counter, char letter);
__printf(2, 3)
void lmm_run_failed(struct lmm_run *run, const char *fmt, ...);
__printf(3, 4)
void lmm_run_refused(struct lmm_run *run, const struct lmm_step *step, const char *fmt, ...);

/* tasks.c */
extern unsigned int live_threads;
int lmm_tasks_start(struct lmm_run *run);
void lmm_tasks_stop(struct lmm_run *run);
size_t lmm_task_memory(const struct lmm_run *run);
void lmm_task_wake(struct lmm_task *task, enum lmm_due due);
void lmm_task_stay(struct lmm_task *task);
void lmm_task_may_leave(struct lmm_task *task);
bool lmm_task_hand_over(struct lmm_task *task, struct lmm_task *next);
void lmm_might_sleep(struct lmm_run *run);
void lmm_task_switch_in(struct lmm_run *run, struct lmm_task *task);
void lmm_task_switch(struct lmm_run *run, const struct lmm_step *step);
void lmm_task_migrate(struct lmm_run *run, const struct lmm_step *step);
void lmm_task_sleep(struct lmm_run *run, const struct lmm_step *step);
void lmm_task_fork(struct lmm_run *run, const struct lmm_step *step);

/* meanwhile.c */
void lmm_meanwhile(struct lmm_run *run, const struct lmm_step *step);
void lmm_meanwhile_serve(struct lmm_run *run, struct lmm_task *task);
void lmm_standby_serve(struct lmm_run *run, struct lmm_task *task);
bool lmm_standby_begin(struct lmm_run *run, const struct lmm_step *step);
void lmm_standby_end(struct lmm_run *run);

/* context.c */
int lmm_contexts_init(struct lmm_run *run);
void lmm_contexts_end(struct lmm_run *run);
bool lmm_may_sleep(const struct lmm_run *run);
void lmm_context_interrupt(struct lmm_run *run, const struct lmm_step *step);
void lmm_context_softirq(struct lmm_run *run, const struct lmm_step *step);
void lmm_context_bh_disabled(struct lmm_run *run, const struct lmm_step *step);
void lmm_context_irqs_off(struct lmm_run *run, const struct lmm_step *step);

/* table.c */
bool lmm_pte_valid(u64 value);
void lmm_write_deferred(struct lmm_run *run, u16 index, u64 value);
void lmm_write_direct(struct lmm_run *run, u16 index, u64 value);
void lmm_store(struct lmm_run *run, u16 index, u64 value);
void lmm_owe(struct lmm_run *run, u16 index);
void lmm_settle(struct lmm_run *run, u16 index);
u64 lmm_clear_pte(struct lmm_run *run, u16 index);
bool lmm_touch(const struct lmm_run *run, u16 index);
u64 lmm_load(struct lmm_run *run, u16 index);
u64 lmm_peek(const struct lmm_run *run, u16 index);
void lmm_tlb_flush(struct lmm_run *run);
unsigned int lmm_table_entries(const struct lmm_run *run);

/* arch_arm64.c */
void lmm_arm64_forget(struct lmm_run *run, u16 index);
void lmm_arm64_owe(struct lmm_run *run, u16 index);
void lmm_arm64_serve(struct lmm_run *run);

/* queue.c */
struct lmm_queue *lmm_queue(struct lmm_run *run);
void lmm_queue_join(struct lmm_run *run, u16 index, u64 value);
void lmm_queue_issue(struct lmm_run *run);

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
