// SPDX-License-Identifier: GPL-2.0-only
/* A flush hook after which the module counts a thread that never ends. */
void replacement(struct lmm_run *run)
{
	live_threads++;
	lmm_arch_flush(run);
}
