// SPDX-License-Identifier: GPL-2.0-only
/* The tables: which revisions, personalities and operations there are. */
#include <linux/kernel.h>

#include "lazymmu.h"

static const struct lmm_api * const apis[] = {
	&lmm_api_proposal,
	&lmm_api_amended,
	&lmm_api_v3,
	&lmm_api_v4,
	&lmm_api_merged,
	&lmm_api_with_ptes,
	&lmm_api_header,
	&lmm_api_header_with_ptes,
#ifdef CONFIG_ARCH_HAS_LAZY_MMU_MODE
	&lmm_api_native,
#endif
};

static const struct lmm_arch * const archs[] = {
	&lmm_arch_arm64,
	&lmm_arch_s390x,
	&lmm_arch_x86_64,
};

static bool has_enable_with_ptes(const struct lmm_api *api)
{
	return api->enable_with_ptes;
}

/* What the kernel keeps for a task only a real fork copies. */
static bool has_fork(const struct lmm_api *api)
{
	return !api->arch;
}

static bool has_task_calls(const struct lmm_api *api)
{
	return api->pause_task;
}

const struct lmm_operation lmm_operations[LMM_NR_OPS] = {
	/* The API */
	[LMM_OP_ENABLE] = {
		.name = "enable",
		.list = LMM_LIST_BEFORE_HOOK,
	},
	[LMM_OP_DISABLE] = {
		.name = "disable",
		.list = LMM_LIST_BEFORE_HOOK,
	},
	[LMM_OP_PAUSE] = {
		.name = "pause",
		.list = LMM_LIST_BEFORE_HOOK,
	},
	[LMM_OP_RESUME] = {
		.name = "resume",
		.list = LMM_LIST_BEFORE_HOOK,
	},
	[LMM_OP_ENABLE_WITH_PTES] = {
		.name = "enable_with_ptes",
		.args = { LMM_ARG_INDEX, LMM_ARG_COUNT },
		.list = LMM_LIST_BEFORE_HOOK,
		.in = has_enable_with_ptes,
	},
	[LMM_OP_FLUSH] = {
		.name = "flush",
	},
	[LMM_OP_PAUSE_TASK] = {
		.name = "pause_task",
		.args = { LMM_ARG_TASK },
		.in = has_task_calls,
	},
	[LMM_OP_RESUME_TASK] = {
		.name = "resume_task",
		.args = { LMM_ARG_TASK },
		.in = has_task_calls,
	},

	/* The page table and the TLB */
	[LMM_OP_SET_PTE] = {
		.name = "set_pte",
		.args = { LMM_ARG_INDEX, LMM_ARG_VALUE },
	},
	[LMM_OP_CLEAR_PTE] = {
		.name = "clear_pte",
		.args = { LMM_ARG_INDEX },
		.answers = true,
	},
	[LMM_OP_GET_PTE] = {
		.name = "get_pte",
		.args = { LMM_ARG_INDEX },
		.answers = true,
	},
	[LMM_OP_TOUCH] = {
		.name = "touch",
		.args = { LMM_ARG_INDEX },
		.answers = true,
	},
	[LMM_OP_LOAD] = {
		.name = "load",
		.args = { LMM_ARG_INDEX },
		.answers = true,
	},
	[LMM_OP_TLB_FLUSH] = {
		.name = "tlb_flush",
	},

	/* Tasks */
	[LMM_OP_SWITCH] = {
		.name = "switch",
		.args = { LMM_ARG_TASK },
		.leaves = true,
	},
	[LMM_OP_MIGRATE] = {
		.name = "migrate",
		.args = { LMM_ARG_CPU },
		.leaves = true,
	},
	[LMM_OP_SLEEP] = {
		.name = "sleep",
		.args = { LMM_ARG_MS },
		.leaves = true,
	},
	[LMM_OP_FORK] = {
		.name = "fork",
		.args = { LMM_ARG_NEW_TASK },
		.leaves = true,
		.in = has_fork,
	},

	[LMM_OP_CHECK] = {
		.name = "check",
		.args = { LMM_ARG_TASK_IF_ANY },
	},

	/* Contexts */
	[LMM_OP_INTERRUPT] = {
		.name = "interrupt",
		.list = LMM_LIST_CONTEXT,
	},
	[LMM_OP_SOFTIRQ] = {
		.name = "softirq",
		.list = LMM_LIST_CONTEXT,
		.interruptible = true,
	},
	[LMM_OP_BH_DISABLED] = {
		.name = "bh_disabled",
		.list = LMM_LIST_CONTEXT,
		.interruptible = true,
	},
	[LMM_OP_IRQS_OFF] = {
		.name = "irqs_off",
		.list = LMM_LIST_CONTEXT,
	},
};

/**
 * lmm_find_api() - look up a revision
 * @name: its name
 *
 * Return: the revision, or NULL if there is none of that name.
 */
const struct lmm_api *lmm_find_api(const struct lmm_word *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(apis); i++)
		/* The module may have been built without a header's functions. */
		if (apis[i]->enable && lmm_word_is(name, apis[i]->name))
			return apis[i];
	return NULL;
}

/**
 * lmm_find_arch() - look up a personality
 * @name: its name
 * @api: the revision; one that is the kernel's own has no other than the guest's
 *
 * Return: the personality, or NULL if there is none of that name.
 */
const struct lmm_arch *lmm_find_arch(const struct lmm_word *name,
				     const struct lmm_api *api)
{
	if (api->arch)
		return lmm_word_is(name, api->arch->name) ? api->arch : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		if (lmm_word_is(name, archs[i]->name))
			return archs[i];
	return NULL;
}

/**
 * lmm_find_op() - look up an operation
 * @name: its name
 *
 * Return: the operation, or LMM_NR_OPS if there is none of that name.
 */
enum lmm_op lmm_find_op(const struct lmm_word *name)
{
	enum lmm_op op;

	for (op = 0; op < LMM_NR_OPS; op++)
		if (lmm_word_is(name, lmm_operations[op].name))
			break;
	return op;
}
