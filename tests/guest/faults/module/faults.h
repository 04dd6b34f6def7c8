/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of faults in each file; an entry without a name ends it. */
#ifndef FAULTS_H
#define FAULTS_H

#include <linux/types.h>

struct fault {
	const char *name;
	void (*run)(void);
	/* Runs in init, which loads the module. */
	bool in_init;
};

extern const struct fault crashes[];
extern const struct fault memory[];
extern const struct fault stalls[];
extern const struct fault traps[];

/* Keeps the compiler from recognising the faults. */
extern volatile int zero;
extern volatile unsigned long sink;

#endif
