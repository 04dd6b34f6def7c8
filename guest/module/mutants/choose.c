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

static const struct lmm_mutant *const tables[] = {
	lmm_api_mutants, lmm_arm64_mutants, lmm_ppc64_mutants, lmm_queue_mutants,
	lmm_s390x_mutants, lmm_table_mutants, lmm_task_mutants,
};

static struct lmm_mutant_cpu cpus[LMM_NR_CPUS];

const struct lmm_step *lmm_present_step(const struct lmm_run *run)
{
	return &run->program.steps[run->call->step];
}

/* Returns whether the present step's operation has the mistake. */
bool lmm_step_is_mutated(const struct lmm_run *run)
{
	return lmm_mutant->ops & BIT(lmm_present_step(run)->op);
}

/* Returns what the mutant keeps for the CPU of the running task. */
struct lmm_mutant_cpu *lmm_mutant_cpu(const struct lmm_run *run)
{
	return &cpus[run->task->cpu];
}

void lmm_real_switch_out(struct lmm_run *run)
{
	if (lmm_real_arch->switch_out)
		lmm_real_arch->switch_out(run);
}

void lmm_real_switch_in(struct lmm_run *run)
{
	if (lmm_real_arch->switch_in)
		lmm_real_arch->switch_in(run);
}

static const struct lmm_mutant *find(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct lmm_mutant *found = tables[i]; found->name; found++)
			if (!strcmp(found->name, mutant))
				return found;
	return NULL;
}

int __wrap_lmm_tables_check(void)
{
	if (mutant) {
		chosen = find();
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
	memset(cpus, 0, sizeof(cpus));
	mutated = *lmm_real_arch;
#define TAKE(member)	(mutated.member = lmm_mutant->arch.member ?: mutated.member)
	TAKE(task_size);
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
WRAP(queue_issue)
WRAP(tlb_flush)

#define WRAP_STEP(function) \
void __wrap_lmm_##function(struct lmm_run *run, const struct lmm_step *step) \
{ \
	(lmm_mutant->function ?: __real_lmm_##function)(run, step); \
}

WRAP_STEP(meanwhile)
WRAP_STEP(task_switch)

void __wrap_lmm_store(struct lmm_run *run, u16 index, u64 value)
{
	(lmm_mutant->store ?: __real_lmm_store)(run, index, value);
}

u64 __wrap_lmm_clear_pte(struct lmm_run *run, u16 index)
{
	return (lmm_mutant->clear_pte ?: __real_lmm_clear_pte)(run, index);
}

u64 __wrap_lmm_load(struct lmm_run *run, u16 index)
{
	return (lmm_mutant->load ?: __real_lmm_load)(run, index);
}

u64 __wrap_lmm_peek(const struct lmm_run *run, u16 index)
{
	return (lmm_mutant->peek ?: __real_lmm_peek)(run, index);
}

bool __wrap_lmm_may_sleep(const struct lmm_run *run)
{
	return (lmm_mutant->may_sleep ?: __real_lmm_may_sleep)(run);
}
