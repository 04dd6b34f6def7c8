/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mutants: implementations with one mistake, each as small as a real slip. The
 * module's parameter mutant=NAME chooses one; without it the module has no mistake.
 *
 * api.c and arch.c have the tables of mutants: M(NAME, "what is wrong", revisions,
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
	struct lmm_arch arch;		/* functions that replace the personality's */
	int first, end;			/* how far the ends of a range are off */

	/* These replace the lmm_ functions of the same names. */
	void (*arch_enter_with_ptes)(struct lmm_run *run);
	void (*arch_flush)(struct lmm_run *run);
	void (*arch_pause)(struct lmm_run *run);
	void (*arch_resume)(struct lmm_run *run);
	u64 (*load)(struct lmm_run *run, u16 index);
	void (*tlb_flush)(struct lmm_run *run);
};

#define M(NAME, WHAT, REVISIONS, PERSONALITIES, ...) { \
	.name = #NAME, .revisions = REVISIONS, .personalities = PERSONALITIES, __VA_ARGS__ }

#define ALL		"all"
#define FLAGS		"proposal amended v3 v4"
#define CHECKS		"v3 v4 merged with-ptes"
#define MERGED		"merged with-ptes"
#define RANGES		"amended with-ptes"

/* The functions that are wrapped, as the reference has them */
#define WRAPPED(function) extern typeof(function) __real_##function, __wrap_##function
WRAPPED(lmm_tables_check);
WRAPPED(lmm_find_api);
WRAPPED(lmm_find_arch);
WRAPPED(lmm_call_hook);
WRAPPED(lmm_warn_on);
WRAPPED(lmm_arch_enter_with_ptes);
WRAPPED(lmm_arch_flush);
WRAPPED(lmm_arch_pause);
WRAPPED(lmm_arch_resume);
WRAPPED(lmm_load);
WRAPPED(lmm_tlb_flush);

/* choose.c: the mutant in the program that runs, and what it was made of */
extern const struct lmm_mutant *lmm_mutant;
extern const struct lmm_api *lmm_real_api;
extern const struct lmm_arch *lmm_real_arch;
const struct lmm_step *lmm_present_step(const struct lmm_run *run);

/* api.c */
extern const struct lmm_mutant lmm_api_mutants[];
const struct lmm_api *lmm_mutated_api(void);

/* arch.c */
extern const struct lmm_mutant lmm_arch_mutants[];

#endif /* _LAZYMMU_MUTANTS_H */
