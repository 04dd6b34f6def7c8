/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the lazymmu module share beside the program: the run with
 * its tasks and records, and the interfaces of revisions (lmm_api) and
 * personalities (lmm_arch).
 *
 * docs/protocol.md fixes the texts that go in and come out. The prefix is lmm_
 * throughout, since Linux 7.0 has names like lazy_mmu_mode_enable() itself.
 */
#ifndef _LAZYMMU_H
#define _LAZYMMU_H

#include <linux/bitops.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/types.h>

#include "mutants.h"
#include "program.h"

#define LMM_LINE_SIZE		1000
#define LMM_ERROR_SIZE		80

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

#define LMM_NR_STATE		3	/* at most */

/* What the revisions keep in task_struct; the u8 counters wrap. */
struct lmm_flag_state {		/* from proposal to v4 */
	lmm_u8 count;
	bool enabled;
};

struct lmm_merged_state {	/* with-ptes too */
	lmm_u8 enable_count;
	lmm_u8 pause_count;
};

struct lmm_native_state {	/* the kernel's, when the task's thread has ended */
	u8 enable_count;
	u8 pause_count;
	bool pending;
};

union lmm_state {
	struct lmm_flag_state flag;
	struct lmm_merged_state merged;
	struct lmm_native_state native;
};

/* Entries of the table, from @first on until before @end; none if both are equal */
struct lmm_range {
	u16 first;
	u16 end;
};

/* What the personalities keep for a task */
struct lmm_arm64_task {
	bool pending;
};

struct lmm_s390x_task {
	bool preempt_off;
	struct lmm_range range;
	DECLARE_BITMAP(used, LMM_TABLE_ENTRIES);
	u64 slots[LMM_TABLE_ENTRIES];
};

/**
 * struct lmm_task - a task of the scenario, and the thread that is it
 * @run: its run
 * @name: its name in the report
 * @cpu: the CPU on which it is
 * @state: what the kernel would keep for it
 * @arm64: what the architecture would keep
 * @s390x: the same
 * @thread: its kernel thread, NULL before it comes to be
 * @turn: completed when it is its turn, or when the run is over
 */
struct lmm_task {
	struct lmm_run *run;
	const char *name;
	unsigned int cpu;
	union lmm_state state;
	union {
		struct lmm_arm64_task arm64;
		struct lmm_s390x_task s390x;
	};

	struct task_struct *thread;
	struct completion turn;
};

/* A CPU's queue of updates that x86_64 puts off */
#define LMM_QUEUE_SIZE		32U
#define LMM_QUEUE_ROOM		64U	/* for a mutant, too */

struct lmm_queue {
	unsigned int len;
	struct {
		u16 index;
		u64 value;
	} updates[LMM_QUEUE_ROOM];
};

/**
 * struct lmm_table - the private page table, and one TLB for it
 * @memory: what stands in memory
 * @waiting: entries whose last write has not taken full effect
 * @outstanding: how many these are
 * @cached: entries that the TLB holds
 * @tlb: what it holds for them
 */
struct lmm_table {
	u64 memory[LMM_TABLE_ENTRIES];
	DECLARE_BITMAP(waiting, LMM_TABLE_ENTRIES);
	unsigned int outstanding;
	DECLARE_BITMAP(cached, LMM_TABLE_ENTRIES);
	u64 tlb[LMM_TABLE_ENTRIES];
};

/**
 * struct lmm_call - a step being executed
 * @step: its number
 * @hook: letter of the arch hook that it called, 0 if none
 * @inside: was the task active, as seen from inside that hook?
 * @value: its answer, of an operation that has one
 */
struct lmm_call {
	u64 value;
	u32 step;
	char hook;
	bool inside;
};

/**
 * struct lmm_record - what a step leaves behind for the report
 * @counters: all counters at the end of the step
 * @value: the answer, of an operation that has one
 * @step: its number
 * @outstanding: entries whose last write has not taken full effect
 * @hook: as in struct lmm_call
 * @inside: the same
 * @active: was the task active at the end of the step, where the step stands?
 * @task: the task that ran or was interrupted, or that a check names
 * @state: its state, as &lmm_api.state tells it
 */
struct lmm_record {
	u64 counters[LMM_NR_COUNTERS];
	u64 value;
	u32 step;
	u16 outstanding;
	char hook;
	bool inside;
	bool active;
	u8 task;
	u8 state[LMM_NR_STATE];
};

/**
 * struct lmm_run - one program's run, from the parser to the end of its report
 * @program: what is run
 * @nr_tasks: how many tasks there are by now
 * @tasks: them, as &lmm_program.tasks has them
 * @task: the running task of the scenario
 * @next: the next step outside of lists
 * @call: the innermost step being executed; in an interrupt, one of the block
 * @table: the page table
 * @queues: each CPU's queue (x86_64)
 * @counters: the counters so far
 * @records: one for each step that ran, in the order in which steps end
 * @nr_records: how many of them are written
 * @error: why this run is no result; empty if it is one
 * @err: why it could not go on, as a negative errno
 * @halted: no further step is to be executed
 * @over: no task gets another turn
 * @done: completed when the last step is over
 * @wake: completed when whoever sleeps must not any longer
 * @irq_work: what raises the interrupt of an interrupt block
 * @tasklet: what raises the softirq of a softirq block
 * @interrupt: the step whose list that interrupt executes
 * @softirq: the step whose list that softirq executes
 * @line: the next line of the report
 * @crc: CRC-32 over the lines before it, not yet inverted
 * @text: room for the lines of a record; printk's end at 1024 bytes
 */
struct lmm_run {
	struct lmm_program program;
	unsigned int nr_tasks;
	struct lmm_task *tasks;
	struct lmm_task *task;
	u32 next;
	struct lmm_call *call;
	struct lmm_table table;
	struct lmm_queue queues[LMM_NR_CPUS];
	u64 counters[LMM_NR_COUNTERS];
	struct lmm_record *records;
	u32 nr_records;
	char error[LMM_ERROR_SIZE];
	int err;
	bool halted;

	bool over;
	struct completion done;
	struct completion wake;
	struct irq_work irq_work;
	struct tasklet_struct tasklet;
	const struct lmm_step *interrupt;
	const struct lmm_step *softirq;

	u32 line;
	u32 crc;
	char text[LMM_LINE_SIZE];
};

/**
 * struct lmm_api - a revision of the API
 * @name: as in the program's "revision" line
 * @state_names: what the revision calls its state; NULL where there is less
 * @hooks_only: calls, hooks and the state are all that is seen of it
 * @arch: takes the place of the personality; NULL if none does
 * @enable: lazy_mmu_mode_enable()
 * @disable: lazy_mmu_mode_disable()
 * @pause: lazy_mmu_mode_pause()
 * @resume: lazy_mmu_mode_resume()
 * @enable_with_ptes: lazy_mmu_mode_enable_with_ptes(); NULL if the revision has
 *	none
 * @pause_task: __task_lazy_mmu_mode_pause(); NULL if the revision has none
 * @resume_task: __task_lazy_mmu_mode_resume(); likewise
 * @active: is_lazy_mmu_mode_active(), false in interrupt
 * @state: stores the task's state in the order of @state_names
 * @flush: arch_flush_lazy_mmu_mode(); NULL is the personality's
 * @retire: called by a task's thread when it ends; NULL: nothing is to be done
 *
 * The operations act on &lmm_run.task, which stands for the kernel's current.
 */
struct lmm_api {
	const char *name;
	const char *state_names[LMM_NR_STATE];
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
	void (*state)(const struct lmm_task *task, u8 state[LMM_NR_STATE]);
	void (*flush)(struct lmm_run *run);
	void (*retire)(struct lmm_task *task);
};

/**
 * struct lmm_arch - a personality: the architecture as the API sees it
 * @name: as in the program's "personality" line
 * @has_pause: arch_pause and arch_resume are defined
 * @own_counters: names of the counters from LMM_NR_COMMON on, NULL where there
 *	are fewer
 * @write: stores a value into an entry, at once or later
 * @read: gives an entry's value
 * @enter: arch_enter_lazy_mmu_mode()
 * @enter_with_ptes: the same with a range of entries
 * @leave: arch_leave_lazy_mmu_mode()
 * @flush: arch_flush_lazy_mmu_mode()
 * @pause: arch_pause_lazy_mmu_mode()
 * @leave_cpu: the running task is about to be switched away from, to migrate or
 *	to sleep
 * @fork: gives a new task what it gets of the running one
 * @preempt_off: is preemption off in the running task?
 *
 * All act on &lmm_run.task and its CPU. NULL: nothing happens, or it is not off.
 */
struct lmm_arch {
	const char *name;
	bool has_pause;
	const char *own_counters[LMM_MAX_OWN];
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

/* api_*.c, arch_*.c: each one is an entry in tables.c */
extern const struct lmm_api lmm_api_proposal;
extern const struct lmm_api lmm_api_amended;
extern const struct lmm_api lmm_api_v3;
extern const struct lmm_api lmm_api_v4;
extern const struct lmm_api lmm_api_merged;
extern const struct lmm_api lmm_api_with_ptes;
extern const struct lmm_api lmm_api_native;
extern const struct lmm_api lmm_api_header;
extern const struct lmm_api lmm_api_header_with_ptes;
extern const struct lmm_arch lmm_arch_arm64;
extern const struct lmm_arch lmm_arch_s390x;
extern const struct lmm_arch lmm_arch_x86_64;

/* api_proposal.c */
bool lmm_flag_active(const struct lmm_task *task);
void lmm_flag_tell(const struct lmm_task *task, u8 state[LMM_NR_STATE]);

/* run.c */
struct lmm_run *lmm_run_text(const char *text, size_t len);
void lmm_run_free(struct lmm_run *run);
void lmm_run_list(struct lmm_run *run, const struct lmm_step *step);
bool lmm_run_turn(struct lmm_run *run, const struct lmm_task *task);
__printf(2, 3)
void lmm_run_failed(struct lmm_run *run, const char *fmt, ...);

/* tasks.c */
extern unsigned int live_threads;
int lmm_tasks_start(struct lmm_run *run);
void lmm_tasks_stop(struct lmm_run *run);
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
void lmm_set_pte(struct lmm_run *run, u16 index, u64 value);
u64 lmm_clear_pte(struct lmm_run *run, u16 index);
bool lmm_touch(const struct lmm_run *run, u16 index);
u64 lmm_load(struct lmm_run *run, u16 index);
void lmm_tlb_flush(struct lmm_run *run);
unsigned int lmm_table_entries(const struct lmm_run *run);

/* hook.c */
void lmm_call_hook(struct lmm_run *run, enum lmm_counter counter, char letter);
void lmm_warn_on(struct lmm_run *run, bool condition);
void lmm_arch_enter(struct lmm_run *run);
void lmm_arch_enter_with_ptes(struct lmm_run *run);
void lmm_arch_enter_with_range(struct lmm_run *run, struct lmm_range range);
void lmm_arch_take_range(struct lmm_run *run);	/* mutants only */
void lmm_arch_leave(struct lmm_run *run);
void lmm_arch_flush(struct lmm_run *run);
void lmm_arch_pause(struct lmm_run *run);
void lmm_arch_resume(struct lmm_run *run);

/* report.c */
u32 lmm_report_lines(const struct lmm_run *run);
void lmm_report_print(struct lmm_run *run, u32 lines);

#endif /* _LAZYMMU_H */
