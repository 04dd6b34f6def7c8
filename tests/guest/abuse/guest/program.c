// SPDX-License-Identifier: GPL-2.0-only
/* Random well-formed programs. The language stands in docs/protocol.md, section 1. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abuse.h"

/* Steps of most programs, and of the few that make counters wrap or reports long. */
#define SHORT_STEPS	12
#define WRAP_STEPS	600
#define LONG_STEPS	5000

/* One program of so many has tasks, whose threads take their time. */
#define TASKS_PART	8
#define MAX_TASKS	64
#define MAX_CONTEXTS	2

/* Which revisions have an operation, by their place in the list */
enum in { ALL, WITH_PTES, TASK_CALLS };

static const struct {
	const char *name;
	bool has[3];
} revisions[] = {
	{ "proposal",	{ [ALL] = true } },
	{ "amended",	{ [ALL] = true, [WITH_PTES] = true } },
	{ "v3",		{ [ALL] = true } },
	{ "v4",		{ [ALL] = true } },
	{ "merged",	{ [ALL] = true, [TASK_CALLS] = true } },
	{ "with-ptes",	{ [ALL] = true, [WITH_PTES] = true, [TASK_CALLS] = true } },
};

static const char *const personalities[] = { "arm64", "s390x", "x86_64" };

enum takes { NOTHING, RANGE, ENTRY, ENTRY_VALUE, TASK, TASK_IF_ANY };

/* Those that may have a before_hook first */
static const struct {
	const char *name;
	enum takes takes;
	enum in in;
} operations[] = {
	{ "enable", NOTHING, ALL },
	{ "disable", NOTHING, ALL },
	{ "pause", NOTHING, ALL },
	{ "resume", NOTHING, ALL },
	{ "enable_with_ptes", RANGE, WITH_PTES },
	{ "flush", NOTHING, ALL },
	{ "check", TASK_IF_ANY, ALL },
	/* Twice as often as the others */
	{ "set_pte", ENTRY_VALUE, ALL },
	{ "set_pte", ENTRY_VALUE, ALL },
	{ "clear_pte", ENTRY, ALL },
	{ "get_pte", ENTRY, ALL },
	{ "touch", ENTRY, ALL },
	{ "load", ENTRY, ALL },
	{ "tlb_flush", NOTHING, ALL },
	{ "pause_task", TASK, TASK_CALLS },
	{ "resume_task", TASK, TASK_CALLS },
};
#define NR_HOOKED	5

static const char *const contexts[] = { "interrupt", "softirq", "bh_disabled", "irqs_off" };
#define INTERRUPT	0
#define IRQS_OFF	3

/* A program in the making. */
struct maker {
	struct text *text;
	struct chance *c;
	unsigned int revision;
	int favourite;		/* the one operation, or -1 for any */
	unsigned int steps, most;
	bool moves;		/* it has tasks, which come and go */
	unsigned int tasks, running;
	unsigned int cpus[MAX_TASKS];
};

void append(struct text *text, const char *data, size_t len)
{
	if (len > TEXT_MAX - text->len)
		len = TEXT_MAX - text->len;
	memcpy(text->s + text->len, data, len);
	text->len += len;
}

void print(struct text *text, const char *fmt, ...)
{
	char line[128];
	va_list args;

	va_start(args, fmt);
	append(text, line, vsnprintf(line, sizeof(line), fmt, args));
	va_end(args);
}

/* Task 0 is main, and the others are t0 and so on. */
static void print_task(struct maker *m, unsigned int task)
{
	if (task)
		print(m->text, " t%u", task - 1);
	else
		print(m->text, " main");
}

/* A few entries meet again and again. */
static unsigned int entry(struct chance *c)
{
	return one_in(c, 4) ? below(c, 256) : below(c, 6);
}

static void print_value(struct maker *m)
{
	struct chance *c = m->c;

	if (one_in(c, 4))
		print(m->text, " %llu", (unsigned long long)below(c, UINT32_MAX) << 32 | below(c, UINT32_MAX));
	else
		print(m->text, " %u", below(c, 8));
}

static void print_arguments(struct maker *m, enum takes takes)
{
	struct chance *c = m->c;
	unsigned int index = entry(c);

	switch (takes) {
	case NOTHING:
		break;
	case RANGE:
		print(m->text, " %u %u", index, 1 + below(c, 256 - index));
		break;
	case ENTRY:
		print(m->text, " %u", index);
		break;
	case ENTRY_VALUE:
		print(m->text, " %u", index);
		print_value(m);
		break;
	case TASK_IF_ANY:
		if (one_in(c, 2))
			break;
		/* fallthrough */
	case TASK:
		print_task(m, below(c, m->tasks));
		break;
	}
}

static void add_task(struct maker *m, unsigned int cpu)
{
	m->cpus[m->tasks++] = cpu;
}

/* A step that needs preemption and stands in no list */
static void move(struct maker *m)
{
	struct chance *c = m->c;
	unsigned int *cpu = &m->cpus[m->running], other = below(c, m->tasks);

	print(m->text, "%u", m->steps++);
	if (one_in(c, 8)) {
		print(m->text, " sleep %u\n", below(c, 3));
	} else if (one_in(c, 4)) {
		*cpu = !*cpu;
		print(m->text, " migrate %u\n", *cpu);
	} else if (m->tasks < MAX_TASKS && (other == m->running || one_in(c, 4))) {
		add_task(m, *cpu);
		print(m->text, " fork t%u\n", m->tasks - 2);
	} else if (other != m->running) {
		m->running = other;
		print(m->text, " switch");
		print_task(m, other);
		print(m->text, "\n");
	} else {
		print(m->text, " check\n");
	}
}

/* Which lists a step is in */
struct inside {
	unsigned int hooks, contexts;
	bool nothing_more;	/* no context may stand here */
};

static void list(struct maker *m, unsigned int want, struct inside inside);

/* Returns false where no context may stand. */
static bool context(struct maker *m, struct inside inside)
{
	unsigned int which = inside.contexts ? INTERRUPT : below(m->c, COUNT(contexts));

	if (inside.nothing_more || inside.contexts == MAX_CONTEXTS)
		return false;
	print(m->text, "%u %s {\n", m->steps++, contexts[which]);
	inside.contexts++;
	inside.nothing_more = which == INTERRUPT || which == IRQS_OFF;
	list(m, 1 + below(m->c, 4), inside);
	print(m->text, "}\n");
	return true;
}

static void operation(struct maker *m, struct inside inside, bool opens)
{
	unsigned int op = m->favourite >= 0 ? (unsigned int)m->favourite : below(m->c, COUNT(operations));

	if (!revisions[m->revision].has[operations[op].in])
		op = 0;
	print(m->text, "%u %s", m->steps++, operations[op].name);
	print_arguments(m, operations[op].takes);
	if (opens && op < NR_HOOKED) {
		print(m->text, " {\n");
		inside.hooks++;
		list(m, 1 + below(m->c, 3), inside);
		print(m->text, "}\n");
	} else {
		print(m->text, "\n");
	}
}

/* Writes steps, at least one; those inside of lists count, too. */
static void list(struct maker *m, unsigned int want, struct inside inside)
{
	struct chance *c = m->c;

	do {
		bool opens = inside.hooks < 8 && m->steps + 1 < m->most && one_in(c, 4);

		if (m->moves && !inside.hooks && !inside.contexts && one_in(c, 3))
			move(m);
		else if (!opens || !one_in(c, 3) || !context(m, inside))
			operation(m, inside, opens);
	} while (m->steps < m->most && --want);
}

/* A well-formed program. */
void well_formed(struct text *text, struct chance *c)
{
	static struct text body;
	unsigned int declared = 1;
	struct maker m = {
		.text = &body, .c = c, .revision = below(c, COUNT(revisions)), .favourite = -1, .tasks = 1,
	};

	m.most = 1 + below(c, SHORT_STEPS);
	m.moves = one_in(c, TASKS_PART);
	if (one_in(c, 256)) {
		m.favourite = below(c, NR_HOOKED);
		m.most = 1 + below(c, WRAP_STEPS);
		m.moves = false;
	} else if (one_in(c, 4096)) {
		m.most = 1 + below(c, LONG_STEPS);
		m.moves = false;
	}
	if (m.moves) {
		declared += one_in(c, 100) ? below(c, MAX_TASKS) : below(c, 3);
		while (m.tasks < declared)
			add_task(&m, one_in(c, 3));
	}
	print(text, "lazymmu-program 2\nrun %u\nrevision %s\n", below(c, UINT32_MAX), revisions[m.revision].name);
	print(text, "personality %s\n", personalities[below(c, COUNT(personalities))]);
	for (unsigned int task = 1; task < declared; task++)
		print(text, "task t%u %u\n", task - 1, m.cpus[task]);
	body.len = 0;
	if (!one_in(c, 50))
		list(&m, m.most, (struct inside){ 0 });
	print(text, "steps %u\n", m.steps);
	append(text, body.s, body.len);
	print(text, "end\n");
}

/* A well-formed program of so many steps. */
void generate_long(struct text *text, unsigned int steps)
{
	text->len = 0;
	print(text, "lazymmu-program 2\nrun 1\nrevision merged\npersonality arm64\nsteps %u\n", steps);
	for (unsigned int step = 0; step < steps; step++)
		print(text, "%u %s\n", step, operations[step % 2].name);
	print(text, "end\n");
}
