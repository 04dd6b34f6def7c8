/* SPDX-License-Identifier: GPL-2.0-only */
/* A program's text as lines, words and numbers, and how it is called malformed. */
#ifndef _LAZYMMU_WORDS_H
#define _LAZYMMU_WORDS_H

#include <linux/types.h>

/**
 * struct lmm_word - a word of a program's text
 * @s: where it begins; it may hold any byte but space and newline, and nothing
 *	terminates it
 * @len: its length in bytes
 */
struct lmm_word {
	const char *s;
	size_t len;
};

/**
 * struct lmm_text - a text being read
 * @next: the line after the current one
 * @end: where the text ends
 * @start: the current line
 * @pos: what of it is read
 * @eol: its newline
 * @line: its number, from 1
 */
struct lmm_text {
	const char *next, *end;
	const char *start, *pos, *eol;
	u32 line;
};

__printf(3, 4)
int lmm_malformed(const struct lmm_text *text, const struct lmm_word *word,
		  const char *fmt, ...);
int lmm_next_line(struct lmm_text *text);
struct lmm_word lmm_next_word(struct lmm_text *text);
int lmm_no_more_words(struct lmm_text *text);
bool lmm_word_is(const struct lmm_word *word, const char *name);
bool lmm_word_to_number(const struct lmm_word *word, u64 *number);
int lmm_number_in(struct lmm_text *text, u64 min, u64 max, u64 *number);

#endif /* _LAZYMMU_WORDS_H */
