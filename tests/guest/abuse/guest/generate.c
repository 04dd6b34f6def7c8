// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random texts for the device: well-formed programs, well-formed ones with
 * damage, words of the language in any order, and bytes.
 */
#include <string.h>

#include "abuse.h"

static const char *const words[] = {
	"lazymmu-program", "run", "revision", "personality", "task", "steps", "end", "{", "}", "enable", "disable",
	"pause", "resume", "flush", "check", "enable_with_ptes", "set_pte", "clear_pte", "get_pte", "touch", "load",
	"tlb_flush", "switch", "migrate", "sleep", "fork", "pause_task", "resume_task", "interrupt", "softirq",
	"bh_disabled", "irqs_off", "proposal", "amended", "v3", "v4", "merged", "with-ptes", "arm64", "s390x", "x86_64",
	"main", "t0", "t1", "0", "1", "2", "3", "7", "00", "-1", "+1", "255", "256", "257", "1000", "1001", "4294967295",
	"4294967296", "18446744073709551615", "18446744073709551616", "0x1", "1e3", "", "%s%n", "\t", "\r", "-", "_",
	"a_name_that_has_just_33_characters",
};

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
		print(text, "lazymmu-program 2\nrun 1\nrevision amended\npersonality s390x\nsteps %u\n", below(c, 4));
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
	static const char head[] = "lazymmu-program 2\nrun 1\nrevision merged\npersonality arm64\nsteps 65536\n";

	append(text, head, strlen(head));
	if (one_in(c, 2)) {
		/* Below and above 4 MiB, with nothing in it */
		memset(text->s + text->len, below(c, 2) ? '\n' : '{', TEXT_MAX - text->len);
		text->len = TEXT_MAX - below(c, 8192);
		return;
	}
	/* One context with one step too many for it */
	print(text, "0 %s {\n", one_in(c, 2) ? "interrupt" : "bh_disabled");
	for (unsigned int step = 1; step <= 4097; step++)
		print(text, "%u check\n", step);
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
