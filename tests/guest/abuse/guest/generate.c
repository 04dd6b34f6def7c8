// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random texts for the device: well-formed programs, well-formed ones with
 * damage, words of the language in any order, and bytes. The language stands in
 * docs/protocol.md, section 1.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abuse.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* Steps of most programs, and of the few that make counters wrap or reports long. */
#define SHORT_STEPS	12
#define WRAP_STEPS	600
#define LONG_STEPS	5000

static const char *const revisions[] = { "proposal", "amended", "merged" };
static const char *const personalities[] = { "arm64", "s390x", "x86_64" };
/* Those with a before_hook first, and the one that only "amended" has last of them. */
static const char *const operations[] = { "enable", "disable", "pause", "resume", "enable_with_ptes", "flush", "check" };
#define NR_HOOKED	5
#define WITH_PTES	4

static const char *const words[] = {
	"lazymmu-program", "run", "revision", "personality", "steps", "end", "{", "}", "enable", "disable", "pause",
	"resume", "flush", "check", "enable_with_ptes", "interrupt", "proposal", "amended", "merged", "arm64", "s390x",
	"x86_64", "0", "1", "2", "3", "7", "00", "-1", "+1", "255", "256", "257", "4294967295", "4294967296",
	"18446744073709551616", "0x1", "1e3", "", "%s%n", "\t", "\r",
};

/* A program in the making. */
struct maker {
	struct text *text;
	struct chance *c;
	bool with_ptes;
	int favourite;		/* the one operation, or -1 for any */
	unsigned int steps, most;
};

static void append(struct text *text, const char *data, size_t len)
{
	if (len > TEXT_MAX - text->len)
		len = TEXT_MAX - text->len;
	memcpy(text->s + text->len, data, len);
	text->len += len;
}

__attribute__((format(printf, 2, 3)))
static void print(struct text *text, const char *fmt, ...)
{
	char line[128];
	va_list args;

	va_start(args, fmt);
	append(text, line, vsnprintf(line, sizeof(line), fmt, args));
	va_end(args);
}

/* Writes steps, at least one; those inside of lists count, too. */
static void list(struct maker *m, unsigned int want, unsigned int hooks, bool interrupt)
{
	struct chance *c = m->c;

	do {
		unsigned int op = m->favourite >= 0 ? (unsigned int)m->favourite : below(c, COUNT(operations));
		bool opens = hooks < 8 && m->steps + 1 < m->most && one_in(c, 4);

		if (op == WITH_PTES && !m->with_ptes)
			op = 0;
		if (opens && !interrupt && one_in(c, 3)) {
			print(m->text, "%u interrupt {\n", m->steps++);
			list(m, 1 + below(c, 4), hooks, true);
			print(m->text, "}\n");
			continue;
		}
		print(m->text, "%u %s", m->steps++, operations[op]);
		if (op == WITH_PTES) {
			unsigned int index = below(c, 256);

			print(m->text, " %u %u", index, 1 + below(c, 256 - index));
		}
		if (opens && op < NR_HOOKED) {
			print(m->text, " {\n");
			list(m, 1 + below(c, 3), hooks + 1, interrupt);
			print(m->text, "}\n");
		} else {
			print(m->text, "\n");
		}
	} while (m->steps < m->most && --want);
}

static void well_formed(struct text *text, struct chance *c)
{
	static struct text body;
	unsigned int revision = below(c, COUNT(revisions));
	struct maker m = { .text = &body, .c = c, .with_ptes = revision == 1, .favourite = -1 };

	m.most = 1 + below(c, SHORT_STEPS);
	if (one_in(c, 256)) {
		m.favourite = below(c, NR_HOOKED);
		m.most = 1 + below(c, WRAP_STEPS);
	} else if (one_in(c, 4096)) {
		m.most = 1 + below(c, LONG_STEPS);
	}
	body.len = 0;
	if (!one_in(c, 50))
		list(&m, m.most, 0, false);
	print(text, "lazymmu-program 1\nrun %u\nrevision %s\n", below(c, UINT32_MAX), revisions[revision]);
	print(text, "personality %s\nsteps %u\n", personalities[below(c, COUNT(personalities))], m.steps);
	append(text, body.s, body.len);
	print(text, "end\n");
}

/* Takes `old` bytes away at a place and puts others there. */
static void splice(struct text *text, size_t at, size_t old, const char *data, size_t len)
{
	if (old > text->len - at)
		old = text->len - at;
	if (text->len - old + len > TEXT_MAX)
		return;
	memmove(text->s + at + len, text->s + at + old, text->len - at - old);
	memcpy(text->s + at, data, len);
	text->len += len - old;
}

/* The line in which a place lies, its newline included. */
static size_t line_at(const struct text *text, size_t at, size_t *begin)
{
	const char *eol = memchr(text->s + at, '\n', text->len - at);

	for (*begin = at; *begin && text->s[*begin - 1] != '\n'; (*begin)--)
		;
	return (eol ? (size_t)(eol + 1 - text->s) : text->len) - *begin;
}

static void mutate(struct text *text, struct chance *c)
{
	size_t at = below(c, text->len + 1), begin, len, other;
	char data[512];

	len = line_at(text, at, &begin);
	switch (below(c, 9)) {
	case 0:		/* a byte becomes another */
		data[0] = below(c, 256);
		splice(text, at, 1, data, 1);
		break;
	case 1:		/* a bit flips */
		if (at < text->len)
			text->s[at] ^= 1 << below(c, 8);
		break;
	case 2:		/* bytes are lost */
		splice(text, at, 1 + below(c, 16), "", 0);
		break;
	case 3:		/* the end is lost */
		text->len = at;
		break;
	case 4:		/* a word is put in, or in place of a few bytes */
		other = below(c, COUNT(words));
		splice(text, at, below(c, 4), words[other], strlen(words[other]));
		break;
	case 5:		/* a line is lost */
		splice(text, begin, len, "", 0);
		break;
	case 6:		/* a line stands twice */
	case 7:		/* a line stands elsewhere, too */
		len = len < sizeof(data) ? len : sizeof(data);
		memcpy(data, text->s + begin, len);
		line_at(text, below(c, text->len + 1), &other);
		splice(text, one_in(c, 2) ? begin : other, 0, data, len);
		break;
	case 8:		/* one digit becomes another */
		while (at < text->len && (text->s[at] < '0' || text->s[at] > '9'))
			at++;
		if (at < text->len)
			text->s[at] = '0' + below(c, 10);
		break;
	}
}

static void soup(struct text *text, struct chance *c)
{
	static const char *const between[] = { " ", " ", " ", "\n", "\n", "\n", "  ", "", " {\n" };
	unsigned int left = below(c, 100);

	if (one_in(c, 2))
		print(text, "lazymmu-program 1\nrun 1\nrevision amended\npersonality s390x\nsteps %u\n", below(c, 4));
	while (left--) {
		print(text, "%s", words[below(c, COUNT(words))]);
		print(text, "%s", between[below(c, COUNT(between))]);
	}
}

static void bytes(struct text *text, struct chance *c)
{
	static const char few[] = { '\0', '\n', ' ', '{', '}', '1', 'e', 'n', 'd' };
	size_t len = one_in(c, 1000) ? below(c, 1 << 20) : below(c, 400);
	bool any = one_in(c, 2);

	while (text->len < len)
		text->s[text->len++] = any ? (char)below(c, 256) : few[below(c, COUNT(few))];
}

/* Texts around the limits, which take their time. */
static void huge(struct text *text, struct chance *c)
{
	static const char head[] = "lazymmu-program 1\nrun 1\nrevision merged\npersonality arm64\nsteps 65536\n";

	append(text, head, strlen(head));
	if (one_in(c, 2)) {
		/* Below and above 4 MiB, with nothing in it */
		memset(text->s + text->len, below(c, 2) ? '\n' : '{', TEXT_MAX - text->len);
		text->len = TEXT_MAX - below(c, 8192);
		return;
	}
	/* One interrupt with one step too many for it */
	print(text, "0 interrupt {\n");
	for (unsigned int step = 1; step <= 4097; step++)
		print(text, "%u check\n", step);
}

/* A well-formed program of so many steps. */
void generate_long(struct text *text, unsigned int steps)
{
	text->len = 0;
	print(text, "lazymmu-program 1\nrun 1\nrevision merged\npersonality arm64\nsteps %u\n", steps);
	for (unsigned int step = 0; step < steps; step++)
		print(text, "%u %s\n", step, operations[step % 2]);
	print(text, "end\n");
}

/* Any text, from its numbers alone. */
void generate(struct text *text, struct chance *c)
{
	uint32_t kind = below(c, 100);
	unsigned int damage;

	text->len = 0;
	if (one_in(c, 5000)) {
		huge(text, c);
	} else if (kind < 80) {
		well_formed(text, c);
		damage = kind < 10 ? 0 : 1 + below(c, 5);
		while (damage--)
			mutate(text, c);
	} else if (kind < 93) {
		soup(text, c);
	} else {
		bytes(text, c);
	}
}
