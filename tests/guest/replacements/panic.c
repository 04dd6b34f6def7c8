// SPDX-License-Identifier: GPL-2.0-only
/* A flush hook that panics. */
#include <linux/panic.h>

void replacement(struct lmm_run *run)
{
	panic("on purpose");
}
