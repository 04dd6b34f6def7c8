// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality x86_64, in the manner of Xen PV: updates wait in a queue of their
 * CPU and are issued together, in one multicall. The architecture defines no
 * arch_pause and arch_resume.
 */
#include "lazymmu.h"

#define MULTICALLS	LMM_NR_COMMON
#define UPDATES		(LMM_NR_COMMON + 1)

static struct lmm_x86_64_queue *queue_of(struct lmm_run *run)
{
	struct lmm_x86_64_queue *queues = run->cpus;

	return &queues[run->task->cpu];
}

static void x86_64_issue(struct lmm_run *run)
{
	struct lmm_x86_64_queue *queue = queue_of(run);

	if (!queue->len)
		return;
	for (unsigned int i = 0; i < queue->len; i++) {
		run->table.memory[queue->updates[i].index] = queue->updates[i].value;
		lmm_write_done(run, queue->updates[i].index);
	}
	run->counters[MULTICALLS]++;
	run->counters[UPDATES] += queue->len;
	queue->len = 0;
}

static void x86_64_write(struct lmm_run *run, u16 index, u64 value)
{
	bool active = run->program.api->active(run->task);
	struct lmm_x86_64_queue *queue = queue_of(run);

	queue->updates[queue->len].index = index;
	queue->updates[queue->len].value = value;
	queue->len++;
	if (active)
		lmm_write_deferred(run, index);
	else
		lmm_write_direct(run, index);
	if (!active || queue->len == LMM_QUEUE_SIZE)
		x86_64_issue(run);
}

static u64 x86_64_read(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
}

const struct lmm_arch lmm_arch_x86_64 = {
	.name		= "x86_64",
	.own_counters	= { "multicalls", "updates" },
	.cpu_size	= sizeof(struct lmm_x86_64_queue),
	.write		= x86_64_write,
	.read		= x86_64_read,
	.leave		= x86_64_issue,
	.flush		= x86_64_issue,
	.leave_cpu	= x86_64_issue,
};
