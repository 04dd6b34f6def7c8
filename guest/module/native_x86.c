// SPDX-License-Identifier: GPL-2.0-only
/* On bare x86_64 the kernel defers nothing, so a write does nothing and is not observed. */
#include "lazymmu.h"
#include "native.h"

static void x86_write(struct lmm_run *run, u16 index, u64 value)
{
}

/* Answers are not part of the report. */
static u64 x86_read(const struct lmm_run *run, u16 index)
{
	return 0;
}

/* Replaces the personality of the same name */
const struct lmm_arch lmm_native_arch = {
	.name		= "x86_64",
	.write		= x86_write,
	.read		= x86_read,
	.observe	= lmm_native_observe,
};
