// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program's text as lines, words and numbers, or one log line that says what
 * is wrong with it.
 *
 * The text may hold anything. Each byte is looked at a bounded number of times.
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

/**
 * lmm_malformed() - say in the log what is wrong with the current line
 * @text: the text
 * @word: the word that is wrong, which is quoted; NULL if there is none
 * @fmt: what is wrong
 *
 * Return: -EINVAL.
 */
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

/**
 * lmm_next_line() - go to the next line
 * @text: the text
 *
 * Return: 0; -EINVAL if there is none, or it has no newline.
 */
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

/**
 * lmm_next_word() - read the next word of the current line
 * @text: the text
 *
 * Words are parted by single spaces. Where there is one space too many, or no
 * word at all, the word is empty, which fits nowhere.
 *
 * Return: the word.
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

/**
 * lmm_no_more_words() - check that the current line is read to its end
 * @text: the text
 *
 * Return: 0, or -EINVAL.
 */
int lmm_no_more_words(struct lmm_text *text)
{
	struct lmm_word word;

	if (text->pos == text->eol)
		return 0;
	word = lmm_next_word(text);
	return lmm_malformed(text, &word, "unexpected");
}

/**
 * lmm_word_is() - does a word equal a name?
 * @word: the word
 * @name: the name
 *
 * Return: true if it does.
 */
bool lmm_word_is(const struct lmm_word *word, const char *name)
{
	for (size_t i = 0; i < word->len; i++)
		if (!name[i] || name[i] != word->s[i])
			return false;
	return !name[word->len];
}

/**
 * lmm_word_to_number() - read a number
 * @word: decimal digits, without a sign or leading zeros
 * @number: where to store it
 *
 * Return: true if the word is a number of 64 bits.
 */
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

/**
 * lmm_number_in() - read the next word, a number within limits
 * @text: the text
 * @min: the least that it may be
 * @max: the most
 * @number: where to store it
 *
 * Return: 0, or -EINVAL.
 */
int lmm_number_in(struct lmm_text *text, u64 min, u64 max, u64 *number)
{
	struct lmm_word word = lmm_next_word(text);

	if (!lmm_word_to_number(&word, number) || *number < min || *number > max)
		return lmm_malformed(text, &word,
				     "expected a number from %llu to %llu, not",
				     min, max);
	return 0;
}
