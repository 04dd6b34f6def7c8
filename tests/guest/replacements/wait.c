// SPDX-License-Identifier: GPL-2.0-only
/* A flush hook that waits for ever. */
#include <linux/completion.h>

void replacement(struct lmm_run *run)
{
	DECLARE_COMPLETION_ONSTACK(never);

	wait_for_completion(&never);
}
