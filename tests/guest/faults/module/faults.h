/* SPDX-License-Identifier: GPL-2.0-only */
/* What each file of faults offers: a table that ends with an entry without a name. */
#ifndef FAULTS_H
#define FAULTS_H

#include <linux/types.h>

struct fault {
	const char *name;
	void (*run)(void);
	/* Runs in the process that loads the module, which is init. */
	bool in_init;
};

extern const struct fault crashes[];
extern const struct fault memory[];
extern const struct fault stalls[];
extern const struct fault traps[];

/* Read and written so that the compiler cannot know what the faults do. */
extern volatile int zero;
extern volatile unsigned long sink;

#endif
