// SPDX-License-Identifier: GPL-2.0-only
/* Which revisions, personalities and operations there are. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "lazymmu.h"

/* Kbuild defines LMM_APIS and LMM_ARCHS: an ENTRY() for each api_*.c and arch_*.c. */
#define ENTRY(name) extern const struct lmm_api lmm_api_##name[];
LMM_APIS
#undef ENTRY
#define ENTRY(name) extern const struct lmm_arch lmm_arch_##name;
LMM_ARCHS
#undef ENTRY

#define ENTRY(name) lmm_api_##name,
static const struct lmm_api * const apis[] = { LMM_APIS };
#undef ENTRY
#define ENTRY(name) &lmm_arch_##name,
static const struct lmm_arch * const archs[] = { LMM_ARCHS };
#undef ENTRY

static bool has_enable_with_ptes(const struct lmm_api *api)
{
	return api->enable_with_ptes;
}

/* Only a real fork copies the kernel's own state. */
static bool has_fork(const struct lmm_api *api)
{
	return !api->arch;
}

static bool has_task_calls(const struct lmm_api *api)
{
	return api->pause_task;
}

#define HOOKED		.list = LMM_LIST_BEFORE_HOOK
#define CONTEXT		.list = LMM_LIST_CONTEXT
#define MEANWHILE	.list = LMM_LIST_MEANWHILE
#define ARG(a)		.args = { LMM_ARG_##a }
#define ARGS(a, b)	.args = { LMM_ARG_##a, LMM_ARG_##b }
#define WITHIN(a, b)	.within = BIT(LMM_OP_##a) | BIT(LMM_OP_##b)

const struct lmm_operation lmm_operations[LMM_NR_OPS] = {
	/* The API */
	[LMM_OP_ENABLE] = { .name = "enable", HOOKED },
	[LMM_OP_DISABLE] = { .name = "disable", HOOKED },
	[LMM_OP_PAUSE] = { .name = "pause", HOOKED },
	[LMM_OP_RESUME] = { .name = "resume", HOOKED },
	[LMM_OP_ENABLE_WITH_PTES] = {
		.name = "enable_with_ptes", HOOKED, ARGS(INDEX, COUNT), .in = has_enable_with_ptes,
	},
	[LMM_OP_FLUSH] = { .name = "flush", HOOKED },
	[LMM_OP_PAUSE_TASK] = { .name = "pause_task", ARG(TASK), .in = has_task_calls },
	[LMM_OP_RESUME_TASK] = { .name = "resume_task", ARG(TASK), .in = has_task_calls },

	/* The page table and the TLB */
	[LMM_OP_SET_PTE] = { .name = "set_pte", ARGS(INDEX, VALUE) },
	[LMM_OP_CLEAR_PTE] = { .name = "clear_pte", ARG(INDEX), .answers = true },
	[LMM_OP_GET_PTE] = { .name = "get_pte", ARG(INDEX), .answers = true },
	[LMM_OP_TOUCH] = { .name = "touch", ARG(INDEX), .answers = true },
	[LMM_OP_LOAD] = { .name = "load", ARG(INDEX), .answers = true },
	[LMM_OP_PEEK] = { .name = "peek", ARG(INDEX), .answers = true },
	[LMM_OP_TLB_FLUSH] = { .name = "tlb_flush" },

	/* Tasks */
	[LMM_OP_SWITCH] = { .name = "switch", ARG(TASK), .leaves = true, .run = lmm_task_switch },
	[LMM_OP_MIGRATE] = { .name = "migrate", ARG(CPU), .leaves = true, .run = lmm_task_migrate },
	[LMM_OP_SLEEP] = { .name = "sleep", ARG(MS), .leaves = true, .run = lmm_task_sleep },
	[LMM_OP_FORK] = {
		.name = "fork", ARG(NEW_TASK), .leaves = true, .run = lmm_task_fork, .in = has_fork,
	},
	[LMM_OP_MIGHT_SLEEP] = { .name = "might_sleep" },
	[LMM_OP_MEANWHILE] = {
		.name = "meanwhile", MEANWHILE, ARG(TASK), WITHIN(IRQS_OFF, BH_DISABLED),
		.run = lmm_meanwhile,
	},

	[LMM_OP_CHECK] = { .name = "check", ARG(TASK_IF_ANY) },

	/* Contexts */
	[LMM_OP_INTERRUPT] = {
		.name = "interrupt", CONTEXT, WITHIN(SOFTIRQ, BH_DISABLED),
		.run = lmm_context_interrupt,
	},
	[LMM_OP_SOFTIRQ] = { .name = "softirq", CONTEXT, .run = lmm_context_softirq },
	[LMM_OP_BH_DISABLED] = { .name = "bh_disabled", CONTEXT, .run = lmm_context_bh_disabled },
	[LMM_OP_IRQS_OFF] = { .name = "irqs_off", CONTEXT, .run = lmm_context_irqs_off },
};

static bool is_here(const struct lmm_api *api)
{
	return !api->here || api->here();
}

/* Returns the revision of a name, or NULL. */
const struct lmm_api *lmm_find_api(const struct lmm_word *name)
{
	for (size_t file = 0; file < ARRAY_SIZE(apis); file++)
		for (const struct lmm_api *api = apis[file]; api->name; api++)
			if (lmm_word_is(name, api->name) && is_here(api))
				return api;
	return NULL;
}

/* Returns the personality of a name, or NULL. A revision may have its own and no other. */
const struct lmm_arch *lmm_find_arch(const struct lmm_word *name, const struct lmm_api *api)
{
	if (api->arch)
		return lmm_word_is(name, api->arch->name) ? api->arch : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		if (lmm_word_is(name, archs[i]->name))
			return archs[i];
	return NULL;
}

/* Returns the operation of a name, or LMM_NR_OPS. */
enum lmm_op lmm_find_op(const struct lmm_word *name)
{
	enum lmm_op op;

	for (op = 0; op < LMM_NR_OPS; op++)
		if (lmm_word_is(name, lmm_operations[op].name))
			break;
	return op;
}

static int check_entry(const char *name, bool first, bool whole)
{
	if (!first)
		pr_err("two files define %s\n", name);
	else if (!whole)
		pr_err("%s lacks an operation\n", name);
	return first && whole ? 0 : -EINVAL;
}

static int check_api(const struct lmm_api *api)
{
	struct lmm_word name = { api->name, strlen(api->name) };

	return check_entry(api->name, lmm_find_api(&name) == api,
			   api->enable && api->disable && api->pause && api->resume &&
			   api->active && api->get_state && !api->pause_task == !api->resume_task);
}

static int check_arch(const struct lmm_arch *arch)
{
	static const struct lmm_api any;
	struct lmm_word name = { arch->name, strlen(arch->name) };

	return check_entry(arch->name, lmm_find_arch(&name, &any) == arch,
			   arch->write && arch->read && arch->leave && arch->flush &&
			   !arch->pause == !arch->resume);
}

/* Checks that each revision and personality is complete and unique. Returns 0 or -EINVAL. */
int lmm_tables_check(void)
{
	int err = 0;

	for (size_t file = 0; file < ARRAY_SIZE(apis); file++)
		for (const struct lmm_api *api = apis[file]; !err && api->name; api++)
			err = is_here(api) ? check_api(api) : 0;
	for (size_t i = 0; !err && i < ARRAY_SIZE(archs); i++)
		err = check_arch(archs[i]);
	return err;
}

/* Ends what revisions and their own personalities hold. */
void lmm_tables_exit(void)
{
	for (size_t file = 0; file < ARRAY_SIZE(apis); file++)
		for (const struct lmm_api *api = apis[file]; api->name; api++)
			if (api->arch && api->arch->exit)
				api->arch->exit();
}
