// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser of a program's text. docs/protocol.md, section 1, has the grammar. What it
 * allocates is in proportion to the length of the text.
 */
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "lazymmu.h"

static int other_key(const struct lmm_text *text, const struct lmm_word *word,
		     const char *key)
{
	return lmm_malformed(text, word, "expected \"%s\", not", key);
}

static int key_line(struct lmm_text *text, const char *key)
{
	struct lmm_word word;
	int err;

	err = lmm_next_line(text);
	if (err)
		return err;
	word = lmm_next_word(text);
	return lmm_word_is(&word, key) ? 0 : other_key(text, &word, key);
}

static int word_line(struct lmm_text *text, const char *key,
		     struct lmm_word *value)
{
	int err;

	err = key_line(text, key);
	if (err)
		return err;
	*value = lmm_next_word(text);
	return lmm_no_more_words(text);
}

static int parse_names(struct lmm_parser *p)
{
	struct lmm_program *program = p->program;
	struct lmm_word value;
	int err;

	err = word_line(&p->text, "revision", &value);
	if (err)
		return err;
	program->api = lmm_find_api(&value);
	if (!program->api)
		return lmm_malformed(&p->text, &value,
				     "the module has no api_*.c with revision");

	err = word_line(&p->text, "personality", &value);
	if (err)
		return err;
	program->arch = lmm_find_arch(&value, program->api);
	if (!program->arch)
		return lmm_malformed(&p->text, &value,
				     "the module has no arch_*.c for this revision and personality");
	return 0;
}

static int parse_task(struct lmm_parser *p)
{
	u64 cpu;
	u8 task;
	int err;

	err = lmm_parse_new_task(p, &task) ?:
	      lmm_number_in(&p->text, 0, LMM_NR_CPUS - 1, &cpu) ?:
	      lmm_no_more_words(&p->text);
	if (err)
		return err;
	p->program->tasks[task].cpu = cpu;
	p->program->nr_declared = p->program->nr_tasks;
	return 0;
}

/* Parses the lines of tasks and the "steps" line after them. */
static int parse_tasks(struct lmm_parser *p)
{
	struct lmm_word word;
	u64 steps;
	int err;

	strscpy(p->program->tasks[LMM_MAIN].name, "main");
	p->program->tasks[LMM_MAIN].made = true;
	p->program->nr_declared = 1;
	p->program->nr_tasks = 1;
	for (;;) {
		err = lmm_next_line(&p->text);
		if (err)
			return err;
		word = lmm_next_word(&p->text);
		if (!lmm_word_is(&word, "task"))
			break;
		err = parse_task(p);
		if (err)
			return err;
	}
	if (!lmm_word_is(&word, "steps"))
		return other_key(&p->text, &word, "steps");
	err = lmm_number_in(&p->text, 0, LMM_MAX_STEPS, &steps) ?:
	      lmm_no_more_words(&p->text);
	p->program->nr_steps = steps;
	return err;
}

static int parse_header(struct lmm_parser *p)
{
	struct lmm_word value;
	u64 run;
	int err;

	err = word_line(&p->text, "lazymmu-program", &value);
	if (err)
		return err;
	if (!lmm_word_is(&value, "3"))
		return lmm_malformed(&p->text, &value, "expected protocol 3, not");

	err = key_line(&p->text, "run") ?:
	      lmm_number_in(&p->text, 0, U32_MAX, &run) ?:
	      lmm_no_more_words(&p->text);
	if (err)
		return err;
	p->program->run = run;
	return parse_names(p) ?: parse_tasks(p);
}

static int parse_end(struct lmm_parser *p, const struct lmm_word *end)
{
	struct lmm_word word;
	int err;

	err = lmm_no_more_words(&p->text);
	if (err)
		return err;
	if (p->nr_open)
		return lmm_malformed(&p->text, end, "the list of step %u is open at",
				     p->open[p->nr_open - 1]);
	if (p->nr_steps < p->program->nr_steps)
		return lmm_malformed(&p->text, end, "%u of %u steps are missing before",
				     p->program->nr_steps - p->nr_steps,
				     p->program->nr_steps);
	if (p->text.next == p->text.end)
		return lmm_check_tasks(p);
	err = lmm_next_line(&p->text);
	if (err)
		return err;
	word = lmm_next_word(&p->text);
	return lmm_malformed(&p->text, &word, "text after the end:");
}

static int parse_steps(struct lmm_parser *p)
{
	struct lmm_word word;
	int err;

	for (;;) {
		err = lmm_next_line(&p->text);
		if (err)
			return err;
		word = lmm_next_word(&p->text);
		if (lmm_word_is(&word, "end"))
			return parse_end(p, &word);
		if (lmm_word_is(&word, "}"))
			err = lmm_close_list(p, &word);
		else
			err = lmm_parse_step(p, &word);
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
 * @program: the result; the caller must kvfree() its steps, even after a failure
 * @text: the text, any bytes
 * @len: its length in bytes, at most LMM_MAX_TEXT
 *
 * Return: 0; -EINVAL for a malformed program, which the log explains; -ENOMEM.
 */
int lmm_parse(struct lmm_program *program, const char *text, size_t len)
{
	struct lmm_parser p = {
		.text = { .next = text, .end = text + len },
		.program = program,
	};
	u32 most;
	int err;

	err = parse_header(&p);
	if (err)
		return err;

	/* lmm_parse_step() refuses more than nr_steps, and each step takes a line. */
	most = min(program->nr_steps, count_lines(p.text.next, p.text.end));
	program->steps = kvcalloc(most, sizeof(*program->steps), GFP_KERNEL);
	if (!program->steps)
		return -ENOMEM;
	return parse_steps(&p);
}
