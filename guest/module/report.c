// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the records of a run as lines of the kernel log. docs/protocol.md, section 2,
 * defines them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bits.h>
#include <linux/crc32.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/printk.h>
#include <linux/seq_buf.h>

#include "lazymmu.h"

/* Entries of the table in one line; the longest ones fit */
#define LINE_ENTRIES	32U

static const char * const counter_names[LMM_NR_COMMON] = {
	[LMM_CALL_ENABLE]		= "enable",
	[LMM_CALL_DISABLE]		= "disable",
	[LMM_CALL_PAUSE]		= "pause",
	[LMM_CALL_RESUME]		= "resume",
	[LMM_CALL_ENABLE_WITH_PTES]	= "enable_with_ptes",
	[LMM_CALL_FLUSH]		= "flush",
	[LMM_ARCH_ENTER]		= "arch_enter",
	[LMM_ARCH_LEAVE]		= "arch_leave",
	[LMM_ARCH_FLUSH]		= "arch_flush",
	[LMM_ARCH_PAUSE]		= "arch_pause",
	[LMM_ARCH_RESUME]		= "arch_resume",
	[LMM_ARCH_ENTER_WITH_PTES]	= "arch_enter_with_ptes",
	[LMM_DEFERRED]			= "deferred",
	[LMM_DIRECT]			= "direct",
	[LMM_WARNINGS]			= "warnings",
	[LMM_ATOMIC_SLEEPS]		= "atomic_sleeps",
};

/* Whether the run reports a counter of its personality */
static bool is_seen(const struct lmm_run *run, unsigned int counter)
{
	return !(run->program.api->unseen & BIT(counter));
}

/* Returns the counter's name, NULL after the last one. */
static const char *counter_name(const struct lmm_run *run, unsigned int counter)
{
	if (counter < LMM_NR_COMMON)
		return counter_names[counter];
	if (counter < LMM_NR_COUNTERS)
		return run->program.arch->own_counters[counter - LMM_NR_COMMON];
	return NULL;
}

/*
 * Numbers and names are added without a format, because parsing formats took a third of
 * an emulated guest's time for a step. Only seq_buf_puts() and seq_buf_printf() set the
 * overflow, so each line ends with one of them.
 */
static void put_number(struct seq_buf *s, u64 value)
{
	char digits[sizeof("18446744073709551615")] = "";	/* U64_MAX */
	unsigned int first = sizeof(digits) - 1;
	u32 digit;

	do {
		value = div_u64_rem(value, 10, &digit);
		digits[--first] = '0' + digit;
	} while (value);
	seq_buf_puts(s, digits + first);
}

static void put_pair(struct seq_buf *s, const char *name, u64 value)
{
	seq_buf_putc(s, ' ');
	seq_buf_puts(s, name);
	seq_buf_putc(s, '=');
	put_number(s, value);
}

static void put_state(struct seq_buf *s, const struct lmm_run *run,
		      const u8 state[LMM_NR_STATE])
{
	const char * const *names = run->program.api->state_names;

	for (unsigned int i = 0; i < LMM_NR_STATE && names[i]; i++)
		put_pair(s, names[i], state[i]);
}

static void put_begin(struct seq_buf *s, const struct lmm_run *run)
{
	seq_buf_printf(s, "begin revision=%s personality=%s steps=%u",
		       run->program.api->name, run->program.arch->name,
		       run->program.nr_steps);
}

static void put_hooks(struct seq_buf *s, const struct lmm_hooks *hooks)
{
	seq_buf_puts(s, " hooks=");
	for (unsigned int i = 0; i < hooks->nr; i++)
		seq_buf_putc(s, hooks->letters[i]);
	seq_buf_puts(s, hooks->nr ? " inside=" : "- inside=-");
	for (unsigned int i = 0; i < hooks->nr; i++)
		seq_buf_putc(s, '0' + hooks->inside[i]);
}

static void put_counters(struct seq_buf *s, const struct lmm_run *run, u32 index)
{
	const struct lmm_record *record = &run->records[index];
	const char *name;
	u64 before;

	for (unsigned int i = 0; (name = counter_name(run, i)); i++) {
		before = index ? run->records[index - 1].counters[i] : 0;
		if (record->counters[i] != before && is_seen(run, i))
			put_pair(s, name, record->counters[i]);
	}
}

static void put_step(struct seq_buf *s, const struct lmm_run *run, u32 index)
{
	const struct lmm_record *record = &run->records[index];
	const struct lmm_operation *operation =
		&lmm_operations[run->program.steps[record->step].op];

	seq_buf_puts(s, "step ");
	put_number(s, record->step);
	seq_buf_putc(s, ' ');
	seq_buf_puts(s, operation->name);
	seq_buf_puts(s, " task=");
	seq_buf_puts(s, run->tasks[record->task].name);
	put_hooks(s, &record->hooks);
	put_pair(s, "active", record->active);
	if (operation->answers && !run->program.api->hooks_only)
		put_pair(s, "value", record->value);
	put_state(s, run, record->state);
	if (!run->program.api->hooks_only)
		put_pair(s, "outstanding", record->outstanding);
	seq_buf_puts(s, " |");
	put_counters(s, run, index);
}

static void put_total(struct seq_buf *s, const struct lmm_run *run)
{
	const char *name;

	seq_buf_puts(s, "total");
	for (unsigned int i = 0; (name = counter_name(run, i)); i++)
		if (is_seen(run, i))
			put_pair(s, name, run->counters[i]);
}

static void put_task(struct seq_buf *s, const struct lmm_run *run,
		     const struct lmm_task *task)
{
	const struct lmm_api *api = run->program.api;
	u8 state[LMM_NR_STATE];

	api->get_state(task, state);
	seq_buf_printf(s, "task %s", task->name);
	put_state(s, run, state);
	seq_buf_printf(s, " active=%d", api->active(task));
}

static void put_table(struct seq_buf *s, const struct lmm_run *run)
{
	seq_buf_printf(s, "table outstanding=%u entries=%u",
		       run->table.outstanding, lmm_table_entries(run));
}

static u32 table_lines(const struct lmm_run *run)
{
	return run->program.api->hooks_only ? 0 : 1;
}

static u32 entry_lines(const struct lmm_run *run)
{
	if (run->program.api->hooks_only)
		return 0;
	return DIV_ROUND_UP(lmm_table_entries(run), LINE_ENTRIES);
}

static void put_entries(struct seq_buf *s, const struct lmm_run *run, u32 line)
{
	u32 first = line * LINE_ENTRIES, entry = 0;

	seq_buf_puts(s, "entries");
	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++) {
		u64 value = run->table.memory[i];

		if (!value)
			continue;
		if (entry >= first && entry < first + LINE_ENTRIES)
			seq_buf_printf(s, "%c%u:%llu", entry == first ? ' ' : ',',
				       i, value);
		entry++;
	}
}

/* Returns true if the line is among the next @lines, else subtracts those. */
static bool is_among(u32 *line, u32 lines)
{
	if (*line < lines)
		return true;
	*line -= lines;
	return false;
}

/* The lines after the step lines */
static void put_tail(struct seq_buf *s, const struct lmm_run *run, u32 line)
{
	if (is_among(&line, 1))
		put_total(s, run);
	else if (is_among(&line, run->nr_tasks))
		put_task(s, run, &run->tasks[run->order[line]]);
	else if (is_among(&line, table_lines(run)))
		put_table(s, run);
	else if (is_among(&line, entry_lines(run)))
		put_entries(s, run, line);
	else if (is_among(&line, run->error[0] != '\0'))
		seq_buf_printf(s, "error %s", run->error);
	else
		seq_buf_printf(s, "end lines=%u crc=%08x", run->line, ~run->crc);
}

static u32 tail_lines(const struct lmm_run *run)
{
	u32 total = 1, end = 1;

	return total + run->nr_tasks + table_lines(run) + entry_lines(run) +
	       (run->error[0] != '\0') + end;
}

static void put_line(struct seq_buf *s, const struct lmm_run *run)
{
	seq_buf_puts(s, "run ");
	put_number(s, run->program.run);
	seq_buf_putc(s, ' ');
	if (!run->line)
		put_begin(s, run);
	else if (run->line <= run->nr_records)
		put_step(s, run, run->line - 1);
	else
		put_tail(s, run, run->line - 1 - run->nr_records);
}

static void count_line(struct lmm_run *run, const char *line, size_t len)
{
	if (!run->line)
		run->crc = ~0U;
	run->crc = crc32_le(run->crc, line, len);
	run->crc = crc32_le(run->crc, "\n", 1);
	run->line++;
}

/*
 * Prints one record with as many of the next lines as fit, since a record costs more
 * than a line. Returns their number.
 */
static u32 print_record(struct lmm_run *run, u32 lines)
{
	size_t end = 0, begin;
	struct seq_buf s;
	u32 done = 0;

	seq_buf_init(&s, run->text, sizeof(run->text));
	while (done < lines) {
		if (done)
			seq_buf_puts(&s, "\n" KBUILD_MODNAME ": ");
		begin = seq_buf_used(&s);
		put_line(&s, run);
		if (seq_buf_has_overflowed(&s) && done)
			break;
		end = seq_buf_used(&s);
		count_line(run, run->text + begin, end - begin);
		done++;
	}
	/* Cut the line that did not fit. */
	s.len = end;
	pr_info("%s\n", seq_buf_str(&s));
	return done;
}

/* Returns how many lines of the report are not printed yet. */
u32 lmm_report_lines(const struct lmm_run *run)
{
	u32 begin = 1;

	return begin + run->nr_records + tail_lines(run) - run->line;
}

/*
 * Prints the next lines of the report, at most lmm_report_lines(). In process context,
 * since a "task" line says whether the task is active.
 */
void lmm_report_print(struct lmm_run *run, u32 lines)
{
	while (lines)
		lines -= print_record(run, lines);
}
