// SPDX-License-Identifier: GPL-2.0-only
/*
 * Splits a program's text into lines, words and numbers, and logs what is wrong with
 * it. The text may hold any bytes. Each is read a bounded number of times.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "words.h"

#define QUOTE_MAX	32
#define U64_DIGITS	20U	/* of the largest number of 64 bits */

/* Logs what is wrong with the current line, and quotes a word of it. Returns -EINVAL. */
int lmm_malformed(const struct lmm_text *text, const struct lmm_word *word,
		  const char *fmt, ...)
{
	char quote[QUOTE_MAX + 1] = "";
	struct va_format vaf = { .fmt = fmt };
	va_list args;
	size_t i;

	va_start(args, fmt);
	vaf.va = &args;
	if (word) {
		for (i = 0; i < min_t(size_t, word->len, QUOTE_MAX); i++)
			quote[i] = isascii(word->s[i]) && isprint(word->s[i]) ?
				   word->s[i] : '?';
		pr_info("program line %u: %pV \"%s\"\n", text->line, &vaf, quote);
	} else {
		pr_info("program line %u: %pV\n", text->line, &vaf);
	}
	va_end(args);
	return -EINVAL;
}

/* Goes to the next line. Returns 0, or -EINVAL if it is missing or has no newline. */
int lmm_next_line(struct lmm_text *text)
{
	text->line++;
	if (text->next == text->end)
		return lmm_malformed(text, NULL, "the text stops before \"end\"");

	text->start = text->next;
	text->pos = text->start;
	text->eol = memchr(text->start, '\n', text->end - text->start);
	if (!text->eol)
		return lmm_malformed(text, NULL, "no newline at the end");
	text->next = text->eol + 1;
	return 0;
}

/*
 * Returns the next word of the current line. Single spaces separate words. If there is
 * one space too many, or no word at all, the word is empty, which matches nothing.
 */
struct lmm_word lmm_next_word(struct lmm_text *text)
{
	struct lmm_word word;
	const char *space;

	if (text->pos > text->start && text->pos < text->eol)
		text->pos++;
	space = memchr(text->pos, ' ', text->eol - text->pos);
	word.s = text->pos;
	word.len = (space ?: text->eol) - text->pos;
	text->pos += word.len;
	return word;
}

/* Checks that the current line has been read to its end. Returns 0 or -EINVAL. */
int lmm_no_more_words(struct lmm_text *text)
{
	struct lmm_word word;

	if (text->pos == text->eol)
		return 0;
	word = lmm_next_word(text);
	return lmm_malformed(text, &word, "unexpected");
}

bool lmm_word_is(const struct lmm_word *word, const char *name)
{
	for (size_t i = 0; i < word->len; i++)
		if (!name[i] || name[i] != word->s[i])
			return false;
	return !name[word->len];
}

/* Reads a decimal number of 64 bits, without a sign or leading zeros. Returns true for one. */
bool lmm_word_to_number(const struct lmm_word *word, u64 *number)
{
	u64 value = 0;

	if (!word->len || word->len > U64_DIGITS || (word->len > 1 && word->s[0] == '0'))
		return false;
	for (size_t i = 0; i < word->len; i++) {
		unsigned int digit = word->s[i] - '0';

		if (digit > 9)
			return false;
		if (i == U64_DIGITS - 1 && value > div_u64(U64_MAX - digit, 10))
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

/* Reads the next word, a number from @min to @max. Returns 0 or -EINVAL. */
int lmm_number_in(struct lmm_text *text, u64 min, u64 max, u64 *number)
{
	struct lmm_word word = lmm_next_word(text);

	if (!lmm_word_to_number(&word, number) || *number < min || *number > max)
		return lmm_malformed(text, &word,
				     "expected a number from %llu to %llu, not",
				     min, max);
	return 0;
}
