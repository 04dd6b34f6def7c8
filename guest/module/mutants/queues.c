// SPDX-License-Identifier: GPL-2.0-only
/* Mutants of the personalities x86_64 and xen, which queue updates */
#include <linux/minmax.h>

#include "mutants.h"

#define MULTICALLS	LMM_NR_COMMON
#define UPDATES		(LMM_NR_COMMON + 1)

/* The queue of xen, which issues a full one before the next update */
#define XEN_QUEUE_SIZE	(LMM_QUEUE_SIZE - 1)

static void issues_empty_queue(struct lmm_run *run)
{
	if (!lmm_queue(run)->len)
		run->counters[MULTICALLS]++;
	__real_lmm_queue_issue(run);
}

/* x86_64 */

static void issues_at_31(struct lmm_run *run, u16 index, u64 value)
{
	lmm_real_arch->write(run, index, value);
	if (lmm_queue(run)->len == LMM_QUEUE_SIZE - 1)
		lmm_queue_issue(run);
}

/* Issues both halves of a queue as one. */
static void issues_both_halves(struct lmm_run *run)
{
	struct lmm_queue *queue = lmm_queue(run), *older = &lmm_mutant_cpu(run)->older;

	if (older->len) {
		swap(*queue, *older);
		__real_lmm_queue_issue(run);
		swap(*queue, *older);
		if (queue->len)
			run->counters[MULTICALLS]--;
	}
	__real_lmm_queue_issue(run);
}

static void issues_at_63(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_queue *queue = lmm_queue(run), *older = &lmm_mutant_cpu(run)->older;

	if (queue->len == LMM_QUEUE_SIZE - 1 && !older->len)
		swap(*queue, *older);
	lmm_real_arch->write(run, index, value);
}

static void overtakes(struct lmm_run *run, u16 index, u64 value)
{
	if (lmm_real_api->active(run->task)) {
		lmm_real_arch->write(run, index, value);
		return;
	}
	run->counters[MULTICALLS]++;
	run->counters[UPDATES]++;
	lmm_write_direct(run, index, value);
	lmm_store(run, index, value);
}

/* xen */

static void issues_before_31st(struct lmm_run *run, u16 index, u64 value)
{
	if (lmm_real_api->active(run->task) && lmm_queue(run)->len == XEN_QUEUE_SIZE - 1)
		lmm_queue_issue(run);
	lmm_real_arch->write(run, index, value);
}

static void issues_before_33rd(struct lmm_run *run, u16 index, u64 value)
{
	bool active = lmm_real_api->active(run->task);

	if (active && lmm_queue(run)->len == XEN_QUEUE_SIZE) {
		lmm_write_deferred(run, index, value);
		lmm_queue_join(run, index, value);
		return;
	}
	if (active && lmm_queue(run)->len > XEN_QUEUE_SIZE)
		lmm_queue_issue(run);
	lmm_real_arch->write(run, index, value);
}

static void joins_queue(struct lmm_run *run, u16 index, u64 value)
{
	if (lmm_real_api->active(run->task)) {
		lmm_real_arch->write(run, index, value);
		return;
	}
	lmm_write_direct(run, index, value);
	lmm_queue_join(run, index, value);
	lmm_queue_issue(run);
}

static void pauses_only(struct lmm_run *run)
{
	const struct lmm_api *api = run->program.api;

	if (api->pause_task)
		api->pause_task(run, run->task);
}

static void resumes_only(struct lmm_run *run)
{
	const struct lmm_api *api = run->program.api;

	if (api->resume_task)
		api->resume_task(run, run->task);
}

static void pauses_no_child(const struct lmm_run *run, struct lmm_task *task)
{
	if (task - run->tasks < run->program.nr_declared)
		lmm_real_arch->absent(run, task);
}

static void pauses_child_only(const struct lmm_run *run, struct lmm_task *task)
{
	if (task - run->tasks >= run->program.nr_declared)
		lmm_real_arch->absent(run, task);
}

static void resumes_present(struct lmm_run *run, const struct lmm_step *step)
{
	struct lmm_task *next = &run->tasks[step->task];
	bool is_present = run->present[next->cpu] == next;

	__real_lmm_task_switch(run, step);
	if (is_present)
		lmm_real_arch->switch_in(run);
}

const struct lmm_mutant lmm_queue_mutants[] = {
	M(QUEUE_OF_31, "the queue is issued at 31", ALL, "x86_64", .arch.write = issues_at_31),
	M(QUEUE_OF_63, "the queue is not issued at 32", ALL, "x86_64",
	  .arch.write = issues_at_63, .queue_issue = issues_both_halves),
	M(DIRECT_OVERTAKES, "a direct write overtakes the queue", ALL, "x86_64",
	  .arch.write = overtakes),
	M(EMPTY_MULTICALL, "an empty queue is issued as a multicall", ALL, QUEUES,
	  .queue_issue = issues_empty_queue),

	M(XEN_QUEUE_OF_30, "the queue holds 30 updates", ALL, "xen",
	  .arch.write = issues_before_31st),
	M(XEN_QUEUE_OF_32, "the queue holds 32 updates", ALL, "xen",
	  .arch.write = issues_before_33rd),
	M(XEN_DIRECT_JOINS_QUEUE, "a direct write joins the queue, which is issued", ALL, "xen",
	  .arch.write = joins_queue),
	M(XEN_SWITCH_ISSUES_NOTHING, "a switch out or in does not issue the queue", ALL, "xen",
	  .arch.switch_out = pauses_only, .arch.switch_in = resumes_only),
	M(XEN_SWITCH_OUT_PAUSES_NOTHING, "a task that is switched out is not paused", MERGED, "xen",
	  .arch.switch_out = lmm_queue_issue),
	M(XEN_SWITCH_IN_RESUMES_NOTHING, "a task that is switched in is not resumed", MERGED, "xen",
	  .arch.switch_in = lmm_queue_issue),
	M(XEN_FORK_PAUSES_NOTHING, "fork does not account for the pause of the new task", MERGED,
	  "xen", .arch.absent = pauses_no_child),
	M(XEN_DECLARED_NOT_PAUSED, "a declared task does not begin paused", MERGED, "xen",
	  .arch.absent = pauses_child_only),
	M(XEN_PRESENT_RESUMED, "a switch to a task that is present resumes it", MERGED, "xen",
	  .task_switch = resumes_present),
	{ }
};
