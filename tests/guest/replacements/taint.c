// SPDX-License-Identifier: GPL-2.0-only
/* A flush hook that taints the kernel and prints nothing. */
#include <linux/panic.h>

void replacement(struct lmm_run *run)
{
	add_taint(TAINT_WARN, LOCKDEP_STILL_OK);
	lmm_arch_flush(run);
}
