// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's log, and whether what stands there is one refusal or one whole
 * report (docs/protocol.md, sections 1 and 2).
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "abuse.h"

#define OWN	"lazymmu: "
#define UNFIT	" with preemption off"

/* Linux: include/linux/syslog.h */
#define READ		2
#define SIZE_UNREAD	9

static char lines[4 * 65536];
static uint32_t crc_table[256];

static uint32_t crc32(const char *data, size_t len, uint32_t crc)
{
	while (len--)
		crc = crc_table[(crc ^ (unsigned char)*data++) & 0xff] ^ (crc >> 8);
	return crc;
}

void log_open(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ (c & 1 ? 0xedb88320u : 0);
		crc_table[i] = c;
	}
	/* What stands there from the boot is the console's business. */
	while (klogctl(SIZE_UNREAD, NULL, 0) > 0)
		klogctl(READ, lines, sizeof(lines));
}

void records_clear(struct records *records)
{
	records->count = 0;
	records->len = 0;
	records->overrun = false;
	records->s[0] = '\0';
}

/* Adds a line of the log, `<PRIORITY>[TIME] TEXT`. What is not the module's goes to the host, with its level. */
static void take_line(struct records *records, const char *line, const char *eol)
{
	const char *text = memchr(line, ']', eol - line);
	size_t len;

	if (!text || line[0] != '<' || text + 2 > eol)
		die("a line of the log without priority and time");
	text += 2;
	len = eol + 1 - text;
	if (len <= strlen(OWN) || memcmp(text, OWN, strlen(OWN))) {
		tell(text, len - 1, "kernel %d", atoi(line + 1) % 8);
		return;
	}
	records->count++;
	if (records->len + len > RECORDS_MAX) {
		records->overrun = true;
		return;
	}
	memcpy(records->s + records->len, text, len);
	records->len += len;
	/* sscanf() looks for the end of all its text, whatever it reads of it. */
	records->s[records->len] = '\0';
}

/* Adds what the log got since the last time. */
void log_take(struct records *records)
{
	/* Many lines at once: /dev/kmsg gives one for each read(). */
	while (klogctl(SIZE_UNREAD, NULL, 0) > 0) {
		int n = klogctl(READ, lines, sizeof(lines));
		char *line = lines, *eol;

		if (n < 0)
			die("read the log");
		for (; (eol = memchr(line, '\n', lines + n - line)); line = eol + 1)
			take_line(records, line, eol);
		if (line != lines + n)
			die("a line of the log without end");
	}
}

/* What is wrong with the log of a refused program, NULL if nothing is. */
const char *refusal_fault(const struct records *records)
{
	unsigned int line;
	int after = 0;

	if (records->overrun || records->count != 1)
		return "not exactly one record";
	if (sscanf(records->s, OWN "program line %u: %n", &line, &after) != 1 || !after || !line)
		return "the record names no line";
	return NULL;
}

/* What is wrong with the log of a program that ran and was read to the end, NULL if nothing is. */
const char *report_fault(const struct records *records)
{
	const char *line = records->s, *stop = records->s + records->len, *eol;
	unsigned int run, before = 0, told, prefix;
	uint32_t crc = ~0u, told_crc;
	char head[64];
	int matched = 0;

	if (records->overrun || !records->count)
		return "no records, or too many";
	if (sscanf(line, OWN "run %u begin %n", &run, &matched) != 1 || !matched)
		return "it does not begin";
	prefix = snprintf(head, sizeof(head), OWN "run %u ", run);
	for (; line < stop; line = eol + 1, before++) {
		eol = memchr(line, '\n', stop - line);
		if ((size_t)(eol - line) < prefix || memcmp(line, head, prefix))
			return "a line of another run";
		/* The program's own doing, which the harness never lets happen */
		if (!memcmp(line + prefix, "error ", 6) && !memmem(line, eol - line, UNFIT, strlen(UNFIT)))
			return "its conditions did not hold";
		if (before + 1 < records->count) {
			crc = crc32(line + strlen(OWN), eol + 1 - line - strlen(OWN), crc);
			continue;
		}
		matched = 0;
		if (sscanf(line + prefix, "end lines=%u crc=%" SCNx32 "%n", &told, &told_crc, &matched) != 2 ||
		    line + prefix + matched != eol)
			return "it does not end";
		if (told != before || told_crc != ~crc)
			return "its end says something else";
	}
	return NULL;
}
