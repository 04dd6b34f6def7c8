/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the abuser share. */
#ifndef ABUSE_H
#define ABUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

/* The module takes 4 MiB; a longer text must be refused, too. */
#define TEXT_MAX	((4u << 20) + 4096)
#define RECORDS_MAX	(4u << 20)

/* A program's text, or anything else that is written to the device. */
struct text {
	size_t len;
	char s[TEXT_MAX];
};

/* What the kernel's log said between two looks at it. */
struct records {
	unsigned int count;
	size_t len;
	bool overrun;		/* it was more than fits, or some was lost */
	char s[RECORDS_MAX + 1];	/* one a line, without its header; ends with '\0' */
};

/* random.c: the same seed gives the same numbers */
struct chance {
	uint64_t state;
};

struct chance chance_of(uint64_t seed, uint64_t number);
uint32_t below(struct chance *c, uint32_t limit);
bool one_in(struct chance *c, uint32_t n);

/* program.c */
void append(struct text *text, const char *data, size_t len);
__attribute__((format(printf, 2, 3)))
void print(struct text *text, const char *fmt, ...);
void well_formed(struct text *text, struct chance *c);
void generate_long(struct text *text, unsigned int steps);

/* generate.c */
void generate(struct text *text, struct chance *c);

/* log.c */
void log_open(void);
void records_clear(struct records *records);
void log_take(struct records *records);
const char *refusal_fault(const struct records *records);
const char *report_fault(const struct records *records);

/* host.c: messages to the host, `WORD ... LENGTH\n` and that many bytes */
void host_open(void);
__attribute__((format(printf, 3, 4)))
void tell(const void *data, size_t len, const char *fmt, ...);
void tell_now(void);
_Noreturn void die(const char *what);

/* crowd.c */
void crowd(uint64_t seed, unsigned int programs, struct text *text, struct records *records);

/* state.c: what the guest says of the module */
#define DEVICE	"/proc/lazymmu"
enum parameter { LIVE_RUNS, LIVE_THREADS };
unsigned long parameter(enum parameter parameter);
unsigned int threads(void);
void tell_memory(const char *when);
void tell_device(void);

#endif
