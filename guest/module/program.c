// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser: a program's text into its steps, or one log line that says what is
 * wrong with it. The grammar is in docs/protocol.md, section 1.
 *
 * The text may hold anything. Each byte is looked at a bounded number of times,
 * and nothing is allocated that the text has not earned by its length.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lazymmu.h"

#define QUOTE_MAX	32
#define NO_STEP		U32_MAX

/* Each list open is a before_hook or the one interrupt block. */
#define MAX_OPEN	(LMM_MAX_HOOK_DEPTH + 1)

struct parser {
	struct lmm_program *program;
	u32 nr_steps;			/* steps read so far */

	const char *next, *end;		/* what follows the current line */
	const char *start, *pos, *eol;	/* the current line */
	u32 line;			/* its number, from 1 */

	u32 open[MAX_OPEN];		/* the steps whose lists are open */
	u32 nr_open;
	u32 interrupt;			/* the one of them that is an interrupt */
};

static __printf(3, 4)
int malformed(struct parser *p, const struct lmm_word *word, const char *fmt, ...)
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
		pr_info("program line %u: %pV \"%s\"\n", p->line, &vaf, quote);
	} else {
		pr_info("program line %u: %pV\n", p->line, &vaf);
	}
	va_end(args);
	return -EINVAL;
}

static int next_line(struct parser *p)
{
	p->line++;
	if (p->next == p->end)
		return malformed(p, NULL, "the text stops before \"end\"");

	p->start = p->next;
	p->pos = p->start;
	p->eol = memchr(p->start, '\n', p->end - p->start);
	if (!p->eol)
		return malformed(p, NULL, "no newline at the end");
	p->next = p->eol + 1;
	return 0;
}

/*
 * Words are parted by single spaces. Where there is one space too many, or no
 * word at all, the word is empty, which fits nowhere.
 */
static struct lmm_word next_word(struct parser *p)
{
	struct lmm_word word;
	const char *space;

	if (p->pos > p->start && p->pos < p->eol)
		p->pos++;
	space = memchr(p->pos, ' ', p->eol - p->pos);
	word.s = p->pos;
	word.len = (space ?: p->eol) - p->pos;
	p->pos += word.len;
	return word;
}

static int no_more_words(struct parser *p)
{
	struct lmm_word word;

	if (p->pos == p->eol)
		return 0;
	word = next_word(p);
	return malformed(p, &word, "unexpected");
}

/* Decimal, without a sign or leading zeros */
static bool to_number(const struct lmm_word *word, u32 *number)
{
	u64 value = 0;
	size_t i;

	if (!word->len || (word->len > 1 && word->s[0] == '0'))
		return false;
	for (i = 0; i < word->len; i++) {
		if (word->s[i] < '0' || word->s[i] > '9')
			return false;
		value = value * 10 + (word->s[i] - '0');
		if (value > U32_MAX)
			return false;
	}
	*number = value;
	return true;
}

static int number_in(struct parser *p, const struct lmm_word *word,
		     u32 min, u32 max, u32 *number)
{
	if (!to_number(word, number) || *number < min || *number > max)
		return malformed(p, word, "expected a number from %u to %u, not",
				 min, max);
	return 0;
}

static int header_line(struct parser *p, const char *key, struct lmm_word *value)
{
	struct lmm_word word;
	int err;

	err = next_line(p);
	if (err)
		return err;
	word = next_word(p);
	if (!lmm_word_is(&word, key))
		return malformed(p, &word, "expected \"%s\", not", key);
	*value = next_word(p);
	return no_more_words(p);
}

static int parse_header(struct parser *p)
{
	struct lmm_program *program = p->program;
	struct lmm_word value;
	int err;

	err = header_line(p, "lazymmu-program", &value);
	if (err)
		return err;
	if (!lmm_word_is(&value, "1"))
		return malformed(p, &value, "expected protocol 1, not");

	err = header_line(p, "run", &value) ?:
	      number_in(p, &value, 0, U32_MAX, &program->run);
	if (err)
		return err;

	err = header_line(p, "revision", &value);
	if (err)
		return err;
	program->api = lmm_find_api(&value);
	if (!program->api)
		return malformed(p, &value, "unknown revision");

	err = header_line(p, "personality", &value);
	if (err)
		return err;
	program->arch = lmm_find_arch(&value);
	if (!program->arch)
		return malformed(p, &value, "unknown personality");

	return header_line(p, "steps", &value) ?:
	       number_in(p, &value, 0, LMM_MAX_STEPS, &program->nr_steps);
}

/* INDEX COUNT; no personality makes use of the range yet. */
static int parse_range(struct parser *p)
{
	struct lmm_word word;
	u32 index, count;
	int err;

	word = next_word(p);
	err = number_in(p, &word, 0, LMM_TABLE_ENTRIES - 1, &index);
	if (err)
		return err;
	word = next_word(p);
	return number_in(p, &word, 1, LMM_TABLE_ENTRIES - index, &count);
}

static int open_list(struct parser *p, u32 step, enum lmm_op op,
		     const struct lmm_word *brace)
{
	u32 hooks = p->nr_open - (p->interrupt != NO_STEP);

	if (!lmm_word_is(brace, "{") || op == LMM_OP_FLUSH || op == LMM_OP_CHECK)
		return malformed(p, brace, "unexpected");
	if (op == LMM_OP_INTERRUPT)
		p->interrupt = step;
	else if (hooks == LMM_MAX_HOOK_DEPTH)
		return malformed(p, brace, "before_hook more than %u deep:",
				 LMM_MAX_HOOK_DEPTH);
	p->open[p->nr_open++] = step;
	return no_more_words(p);
}

static int close_list(struct parser *p, const struct lmm_word *brace)
{
	u32 step;

	if (!p->nr_open)
		return malformed(p, brace, "no list is open, unexpected");
	step = p->open[--p->nr_open];
	if (step + 1 == p->nr_steps)
		return malformed(p, brace, "empty list before");
	p->program->steps[step].end = p->nr_steps;
	if (step == p->interrupt)
		p->interrupt = NO_STEP;
	return no_more_words(p);
}

static int parse_step(struct parser *p, const struct lmm_word *first)
{
	const struct lmm_program *program = p->program;
	u32 step = p->nr_steps, number;
	struct lmm_word word;
	enum lmm_op op;
	int err;

	if (step == program->nr_steps)
		return malformed(p, first, "expected no more than %u steps, not",
				 program->nr_steps);
	if (!to_number(first, &number) || number != step)
		return malformed(p, first, "expected step %u, not", step);

	word = next_word(p);
	op = lmm_find_op(&word);
	if (op == LMM_NR_OPS)
		return malformed(p, &word, "unknown operation");
	if (op == LMM_OP_ENABLE_WITH_PTES && !program->api->enable_with_ptes)
		return malformed(p, &word, "revision %s has no operation",
				 program->api->name);
	if (p->interrupt != NO_STEP) {
		if (op == LMM_OP_INTERRUPT)
			return malformed(p, &word, "interrupt inside");
		if (step - p->interrupt > LMM_MAX_IRQ_STEPS)
			return malformed(p, &word, "more than %u steps in an interrupt:",
					 LMM_MAX_IRQ_STEPS);
	}
	if (op == LMM_OP_INTERRUPT && p->pos == p->eol)
		return malformed(p, &word, "no list after");
	if (op == LMM_OP_ENABLE_WITH_PTES) {
		err = parse_range(p);
		if (err)
			return err;
	}

	p->nr_steps++;
	program->steps[step].op = op;
	program->steps[step].end = p->nr_steps;
	if (p->pos == p->eol)
		return 0;
	word = next_word(p);
	return open_list(p, step, op, &word);
}

static int parse_end(struct parser *p, const struct lmm_word *end)
{
	struct lmm_word word;
	int err;

	err = no_more_words(p);
	if (err)
		return err;
	if (p->nr_open)
		return malformed(p, end, "the list of step %u is open at",
				 p->open[p->nr_open - 1]);
	if (p->nr_steps < p->program->nr_steps)
		return malformed(p, end, "%u of %u steps are missing before",
				 p->program->nr_steps - p->nr_steps,
				 p->program->nr_steps);
	if (p->next == p->end)
		return 0;
	err = next_line(p);
	if (err)
		return err;
	word = next_word(p);
	return malformed(p, &word, "text after the end:");
}

static int parse_steps(struct parser *p)
{
	struct lmm_word word;
	int err;

	for (;;) {
		err = next_line(p);
		if (err)
			return err;
		word = next_word(p);
		if (lmm_word_is(&word, "end"))
			return parse_end(p, &word);
		if (lmm_word_is(&word, "}"))
			err = close_list(p, &word);
		else
			err = parse_step(p, &word);
		if (err)
			return err;
	}
}

static u32 count_lines(const char *text, const char *end)
{
	u32 lines = 0;

	for (; text < end; text++)
		lines += *text == '\n';
	return lines;
}

/**
 * lmm_parse() - parse a program
 * @program: filled in; its steps are the caller's to kvfree(), on failure too
 * @text: the text, which may hold anything
 * @len: its length in bytes, at most LMM_MAX_TEXT
 *
 * Return: 0; -EINVAL if the program is malformed, which the log then explains;
 * -ENOMEM.
 */
int lmm_parse(struct lmm_program *program, const char *text, size_t len)
{
	struct parser p = {
		.program = program,
		.next = text,
		.end = text + len,
		.interrupt = NO_STEP,
	};
	int err;

	err = parse_header(&p);
	if (err)
		return err;

	/* parse_step() heeds nr_steps, and each step takes a line. */
	program->steps = kvcalloc(min(program->nr_steps, count_lines(p.next, p.end)),
				  sizeof(*program->steps), GFP_KERNEL);
	if (!program->steps)
		return -ENOMEM;
	return parse_steps(&p);
}
