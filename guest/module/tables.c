// SPDX-License-Identifier: GPL-2.0-only
/* The tables: which revisions, personalities and operations there are. */
#include <linux/kernel.h>
#include <linux/string.h>

#include "lazymmu.h"

static const struct lmm_api * const apis[] = {
	&lmm_api_proposal,
	&lmm_api_amended,
	&lmm_api_merged,
};

static const struct lmm_arch * const archs[] = {
	&lmm_arch_arm64,
	&lmm_arch_s390x,
	&lmm_arch_x86_64,
};

const char * const lmm_op_names[LMM_NR_OPS] = {
	[LMM_OP_ENABLE]			= "enable",
	[LMM_OP_DISABLE]		= "disable",
	[LMM_OP_PAUSE]			= "pause",
	[LMM_OP_RESUME]			= "resume",
	[LMM_OP_ENABLE_WITH_PTES]	= "enable_with_ptes",
	[LMM_OP_FLUSH]			= "flush",
	[LMM_OP_CHECK]			= "check",
	[LMM_OP_INTERRUPT]		= "interrupt",
};

/**
 * lmm_word_is() - does a word of a program equal a name?
 * @word: the word
 * @name: the name
 *
 * Return: true if it does.
 */
bool lmm_word_is(const struct lmm_word *word, const char *name)
{
	return word->len == strlen(name) && !memcmp(word->s, name, word->len);
}

/**
 * lmm_find_api() - look up a revision
 * @name: its name
 *
 * Return: the revision, or NULL if there is none of that name.
 */
const struct lmm_api *lmm_find_api(const struct lmm_word *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(apis); i++)
		if (lmm_word_is(name, apis[i]->name))
			return apis[i];
	return NULL;
}

/**
 * lmm_find_arch() - look up a personality
 * @name: its name
 *
 * Return: the personality, or NULL if there is none of that name.
 */
const struct lmm_arch *lmm_find_arch(const struct lmm_word *name)
{
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
		if (lmm_word_is(name, lmm_op_names[op]))
			break;
	return op;
}
