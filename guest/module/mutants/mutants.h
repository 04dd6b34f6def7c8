/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mutants: implementations with one mistake, each as small as a real slip. The
 * module's parameter mutant=NAME chooses one; without it the module has no mistake.
 *
 * Each of the other files has a table of mutants: M(NAME, "what is wrong", revisions,
 * personalities, what it replaces). The harness reads them, too.
 */
#ifndef _LAZYMMU_MUTANTS_H
#define _LAZYMMU_MUTANTS_H

#include "../lazymmu.h"

/* A call of an operation of the API */
struct lmm_api_call {
	struct lmm_run *run;
	struct lmm_task *task;		/* whose state it changes */
	enum lmm_op op;			/* LMM_OP_CHECK for &lmm_api.active */
	u8 before[2];			/* the state: counter and flag, or both counters */
	unsigned int checks;		/* how many of its checks it has made */
	const struct lmm_call *step;	/* the step that called it */
	struct lmm_api_call *outer;	/* the call in whose before_hook it runs */
};

enum lmm_hook_sees {
	LMM_AS_IT_IS,
	LMM_STATE_BEFORE,	/* the state changes after the hook */
	LMM_FLAG_AFTER,		/* the flag changes before the hook */
	LMM_STATE_AFTER,	/* flag and counter change before the hook */
};

/* A mutant; what is NULL or 0 is as in the reference. */
struct lmm_mutant {
	const char *name;
	const char *revisions;		/* whose code has the mistake */
	const char *personalities;	/* under which it shows */

	unsigned long ops;		/* operations that have the mistake, a bit for each */
	bool (*interrupt)(void);	/* their in_interrupt() */
	unsigned int unchecked;		/* which of their checks is missing, from 1 */
	enum lmm_hook_sees hook_sees;	/* the state that their hooks see */
	int (*width)(int value);	/* what their counter makes of -1 to 65536 */
	bool checks_interrupt;		/* they do nothing in interrupt */
	bool on_caller;			/* they act on the calling task */
	void (*after)(const struct lmm_api_call *call);	/* called after each of them */

	void (*apply)(struct lmm_run *run);	/* called before a hook of s390x applies */
	struct lmm_arch arch;		/* replaces the personality's functions and task_size */
	bool (*unseen)(void);		/* the context that might_sleep does not see */
	int first, end;			/* how far the ends of a range are off */

	/* These replace the lmm_ functions of the same names. */
	typeof(lmm_arch_enter_with_ptes) *arch_enter_with_ptes;
	typeof(lmm_arch_flush) *arch_flush;
	typeof(lmm_arch_pause) *arch_pause;
	typeof(lmm_arch_resume) *arch_resume;
	typeof(lmm_clear_pte) *clear_pte;
	typeof(lmm_load) *load;
	typeof(lmm_may_sleep) *may_sleep;
	typeof(lmm_meanwhile) *meanwhile;
	typeof(lmm_peek) *peek;
	typeof(lmm_queue_issue) *queue_issue;
	typeof(lmm_store) *store;
	typeof(lmm_task_switch) *task_switch;
	typeof(lmm_tlb_flush) *tlb_flush;
};

/* What mutants keep for a CPU beside the reference's memory; all 0 when a program begins */
struct lmm_mutant_cpu {
	u8 state[2];		/* of the API */
	int hold;
	bool pending;		/* arm64's flag */
	struct lmm_queue older;	/* half of a queue of twice the size */
	bool has_last;		/* entry @last is the last one of a batch that has no room for it */
	u16 last;
};

#define M(NAME, WHAT, REVISIONS, PERSONALITIES, ...) { \
	.name = #NAME, .revisions = REVISIONS, .personalities = PERSONALITIES, __VA_ARGS__ }

#define ALL		"all"
#define FLAGS		"proposal amended v3 v4"
#define CHECKS		"v3 v4 merged with-ptes"
#define MERGED		"merged with-ptes"
#define RANGES		"amended with-ptes"
#define HOLDS		"s390x ppc64"
#define QUEUES		"x86_64 xen"

/* The functions that are wrapped, as the reference has them */
#define WRAPPED(function) extern typeof(lmm_##function) __real_lmm_##function, __wrap_lmm_##function
WRAPPED(tables_check);
WRAPPED(find_api);
WRAPPED(find_arch);
WRAPPED(call_hook);
WRAPPED(warn_on);
WRAPPED(arch_enter_with_ptes);
WRAPPED(arch_flush);
WRAPPED(arch_pause);
WRAPPED(arch_resume);
WRAPPED(clear_pte);
WRAPPED(load);
WRAPPED(may_sleep);
WRAPPED(meanwhile);
WRAPPED(peek);
WRAPPED(queue_issue);
WRAPPED(store);
WRAPPED(task_switch);
WRAPPED(tlb_flush);

/* choose.c: the mutant in the program that runs, and what it was made of */
extern const struct lmm_mutant *lmm_mutant;
extern const struct lmm_api *lmm_real_api;
extern const struct lmm_arch *lmm_real_arch;
const struct lmm_step *lmm_present_step(const struct lmm_run *run);
bool lmm_step_is_mutated(const struct lmm_run *run);
struct lmm_mutant_cpu *lmm_mutant_cpu(const struct lmm_run *run);
void lmm_real_switch_out(struct lmm_run *run);
void lmm_real_switch_in(struct lmm_run *run);

/* api.c */
const struct lmm_api *lmm_mutated_api(void);
extern unsigned int lmm_first_cpu;	/* where the task was when the present hook became due */

/* The tables of mutants */
extern const struct lmm_mutant lmm_api_mutants[];
extern const struct lmm_mutant lmm_arm64_mutants[];
extern const struct lmm_mutant lmm_ppc64_mutants[];
extern const struct lmm_mutant lmm_queue_mutants[];
extern const struct lmm_mutant lmm_s390x_mutants[];
extern const struct lmm_mutant lmm_table_mutants[];
extern const struct lmm_mutant lmm_task_mutants[];

#endif /* _LAZYMMU_MUTANTS_H */
