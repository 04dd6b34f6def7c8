// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue of updates that each CPU has in the personalities x86_64 and xen. They are
 * issued together, in one multicall.
 */
#include "lazymmu.h"

#define MULTICALLS	LMM_NR_COMMON
#define UPDATES		(LMM_NR_COMMON + 1)

/* Returns the queue of the running task's CPU. */
struct lmm_queue *lmm_queue(struct lmm_run *run)
{
	struct lmm_queue *queues = run->cpus;

	return &queues[run->task->cpu];
}

/* Adds an update to the queue, which must have room for it. */
void lmm_queue_join(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_queue *queue = lmm_queue(run);

	queue->updates[queue->len].index = index;
	queue->updates[queue->len].value = value;
	queue->len++;
	lmm_owe(run, index);
}

/* Stores the updates of the queue in their order. */
void lmm_queue_issue(struct lmm_run *run)
{
	struct lmm_queue *queue = lmm_queue(run);

	if (!queue->len)
		return;
	for (unsigned int i = 0; i < queue->len; i++) {
		lmm_store(run, queue->updates[i].index, queue->updates[i].value);
		lmm_settle(run, queue->updates[i].index);
	}
	run->counters[MULTICALLS]++;
	run->counters[UPDATES] += queue->len;
	queue->len = 0;
}
