// SPDX-License-Identifier: GPL-2.0-only
/*
 * The choice of a mistake (mutants.h), and counters that can be of another width.
 * The normal module has nothing of this file.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "mutants.h"

enum lmm_mutant lmm_mutant;

static char *mutant;
module_param(mutant, charp, 0444);

static const char * const names[] = {
	[LMM_MUTANT_NONE] = "",
#define NAME(name, title, revisions, personalities) [LMM_MUTANT_##name] = #name,
	LMM_MUTANT_LIST(NAME)
};

/**
 * lmm_mutants_init() - take on the mistake that the parameter names
 *
 * Return: 0; -EINVAL if there is none of that name.
 */
int lmm_mutants_init(void)
{
	int found;

	if (!mutant)
		return 0;
	found = match_string(names, ARRAY_SIZE(names), mutant);
	if (found <= LMM_MUTANT_NONE) {
		pr_info("no mutant %s\n", mutant);
		return -EINVAL;
	}
	lmm_mutant = found;
	return 0;
}

/**
 * lmm_before_up() - change a counter so that the next ++ gives what is due
 * @count: the counter
 * @saturates: it stays at 255
 * @narrow: it wraps at 3
 * @wide: it wraps at 65535
 *
 * Return: the counter's new value.
 */
lmm_u8 lmm_before_up(lmm_u8 count, bool saturates, bool narrow, bool wide)
{
	lmm_u8 most = narrow ? 3 : wide ? U16_MAX : U8_MAX;

	if (count != most)
		return count;
	return saturates ? count - 1 : U16_MAX;
}

/**
 * lmm_before_down() - change a counter so that the next -- gives what is due
 * @count: the counter
 * @saturates: it stays at 0
 * @narrow: it wraps to 3
 * @wide: it wraps to 65535
 *
 * Return: the counter's new value.
 */
lmm_u8 lmm_before_down(lmm_u8 count, bool saturates, bool narrow, bool wide)
{
	lmm_u8 most = narrow ? 3 : wide ? U16_MAX : U8_MAX;

	if (count)
		return count;
	return saturates ? 1 : most + 1;
}
