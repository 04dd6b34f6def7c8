// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality x86_64: an ideal queue, which no write overtakes. Updates wait in the
 * queue of their CPU. For the queue of a real Xen guest see arch_xen.c. The architecture
 * defines no arch_pause and arch_resume.
 */
#include "lazymmu.h"

static void x86_64_write(struct lmm_run *run, u16 index, u64 value)
{
	bool active = run->program.api->active(run->task);

	if (active)
		lmm_write_deferred(run, index, value);
	else
		lmm_write_direct(run, index, value);
	lmm_queue_join(run, index, value);
	if (!active || lmm_queue(run)->len == LMM_QUEUE_SIZE)
		lmm_queue_issue(run);
}

static u64 x86_64_read(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
}

const struct lmm_arch lmm_arch_x86_64 = {
	.name		= "x86_64",
	.own_counters	= { "multicalls", "updates" },
	.cpu_size	= sizeof(struct lmm_queue),
	.write		= x86_64_write,
	.read		= x86_64_read,
	.leave		= lmm_queue_issue,
	.flush		= lmm_queue_issue,
	.switch_out	= lmm_queue_issue,
};
