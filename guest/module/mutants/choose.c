// SPDX-License-Identifier: GPL-2.0-only
/* Chooses a mutant, and calls what it replaces. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "mutants.h"

static char *mutant;
module_param(mutant, charp, 0444);

static const struct lmm_mutant none, *chosen = &none;

const struct lmm_mutant *lmm_mutant = &none;
const struct lmm_api *lmm_real_api;
const struct lmm_arch *lmm_real_arch;

const struct lmm_step *lmm_present_step(const struct lmm_run *run)
{
	return &run->program.steps[run->call->step];
}

static const struct lmm_mutant *find(const struct lmm_mutant *mutants)
{
	while (mutants->name && strcmp(mutants->name, mutant))
		mutants++;
	return mutants->name ? mutants : NULL;
}

int __wrap_lmm_tables_check(void)
{
	if (mutant) {
		chosen = find(lmm_api_mutants) ?: find(lmm_arch_mutants);
		if (!chosen) {
			pr_info("no mutant %s\n", mutant);
			return -EINVAL;
		}
	}
	return __real_lmm_tables_check();
}

static bool is_among(const char *name, const char *names)
{
	return names && (!strcmp(names, "all") || strstr(names, name));
}

const struct lmm_api *__wrap_lmm_find_api(const struct lmm_word *name)
{
	lmm_real_api = __real_lmm_find_api(name);
	lmm_mutant = &none;
	if (!lmm_real_api || lmm_real_api->arch || !is_among(lmm_real_api->name, chosen->revisions))
		return lmm_real_api;
	lmm_mutant = chosen;
	return lmm_mutated_api();
}

const struct lmm_arch *__wrap_lmm_find_arch(const struct lmm_word *name, const struct lmm_api *api)
{
	static struct lmm_arch mutated;

	lmm_real_arch = __real_lmm_find_arch(name, api);
	if (!lmm_real_arch || !is_among(lmm_real_arch->name, lmm_mutant->personalities)) {
		lmm_mutant = &none;
		return lmm_real_arch;
	}
	mutated = *lmm_real_arch;
#define TAKE(function)	(mutated.function = lmm_mutant->arch.function ?: mutated.function)
	TAKE(write);
	TAKE(read);
	TAKE(enter);
	TAKE(enter_with_ptes);
	TAKE(leave);
	TAKE(flush);
	TAKE(pause);
	TAKE(resume);
	TAKE(switch_out);
	TAKE(switch_in);
	TAKE(fork);
	TAKE(absent);
	return &mutated;
}

#define WRAP(function) \
void __wrap_lmm_##function(struct lmm_run *run) \
{ \
	(lmm_mutant->function ?: __real_lmm_##function)(run); \
}

WRAP(arch_enter_with_ptes)
WRAP(arch_flush)
WRAP(arch_pause)
WRAP(arch_resume)
WRAP(tlb_flush)

u64 __wrap_lmm_load(struct lmm_run *run, u16 index)
{
	return (lmm_mutant->load ?: __real_lmm_load)(run, index);
}
