/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines, words and numbers of a program's text, and the log line for a malformed one */
#ifndef _LAZYMMU_WORDS_H
#define _LAZYMMU_WORDS_H

#include <linux/types.h>

/**
 * struct lmm_word - a word of a program's text
 * @s: its first byte; a word has any bytes but space and newline, and no terminator
 * @len: its length in bytes
 */
struct lmm_word {
	const char *s;
	size_t len;
};

/**
 * struct lmm_text - a text that is being read
 * @next: the line after the current one
 * @end: the end of the text
 * @start: the current line
 * @pos: the first unread byte of the line
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
