// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality xen: Linux 7.2 and 7.3 as a Xen PV guest. Updates of a section wait in
 * the queue of their CPU (arch/x86/xen/multicalls.c); others are stored at once, and may
 * overtake them (mmu_pv.c). A context switch issues the queue, and pauses the task that
 * it switches out (enlighten_pv.c), so a task that is on no CPU is paused once more. The
 * architecture defines no arch_pause and arch_resume.
 */
#include "lazymmu.h"

/* 512 bytes, 16 for an update; full when 16 more would reach 512 */
#define XEN_QUEUE_SIZE		31U

static void xen_write(struct lmm_run *run, u16 index, u64 value)
{
	if (!run->program.api->active(run->task)) {
		lmm_write_direct(run, index, value);
		lmm_store(run, index, value);
		return;
	}
	if (lmm_queue(run)->len == XEN_QUEUE_SIZE)
		lmm_queue_issue(run);
	lmm_write_deferred(run, index, value);
	lmm_queue_join(run, index, value);
}

static u64 xen_read(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
}

/* xen_start_context_switch(). Only merged and with-ptes can pause a task. */
static void xen_switch_out(struct lmm_run *run)
{
	if (run->program.api->pause_task)
		run->program.api->pause_task(run, run->task);
	lmm_queue_issue(run);
}

/* xen_end_context_switch() */
static void xen_switch_in(struct lmm_run *run)
{
	lmm_queue_issue(run);
	if (run->program.api->resume_task)
		run->program.api->resume_task(run, run->task);
}

/* The pause that the first switch to the task takes back */
static void xen_absent(const struct lmm_run *run, struct lmm_task *task)
{
	struct lmm_merged_state *state = task->state;

	if (run->program.api->pause_task)
		state->pause_count++;
}

const struct lmm_arch lmm_arch_xen = {
	.name		= "xen",
	.own_counters	= { "multicalls", "updates" },
	.cpu_size	= sizeof(struct lmm_queue),
	.write		= xen_write,
	.read		= xen_read,
	.leave		= lmm_queue_issue,
	.flush		= lmm_queue_issue,
	.switch_out	= xen_switch_out,
	.switch_in	= xen_switch_in,
	.absent		= xen_absent,
};
