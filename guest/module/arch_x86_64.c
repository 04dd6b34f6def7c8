// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality x86_64, in the manner of Xen PV: updates wait in a queue of
 * their CPU and are issued together, in one multicall. No arch_pause and
 * arch_resume of its own.
 */
#include "lazymmu.h"

#define MULTICALLS	LMM_NR_COMMON
#define UPDATES		(LMM_NR_COMMON + 1)

static struct lmm_queue *queue_of(struct lmm_run *run)
{
	return &run->queues[run->task->cpu];
}

static void x86_64_issue(struct lmm_run *run)
{
	struct lmm_queue *queue = queue_of(run);

	if (!queue->len && !LMM_MUTANT(EMPTY_MULTICALL))
		return;
	for (unsigned int i = 0; i < queue->len; i++) {
		run->table.memory[queue->updates[i].index] = queue->updates[i].value;
		lmm_write_done(run, queue->updates[i].index);
	}
	run->counters[MULTICALLS]++;
	run->counters[UPDATES] += queue->len;
	queue->len = 0;
}

static unsigned int queue_size(void)
{
	if (LMM_MUTANT(QUEUE_OF_31))
		return LMM_QUEUE_SIZE - 1;
	if (LMM_MUTANT(QUEUE_OF_64))
		return LMM_QUEUE_ROOM;
	return LMM_QUEUE_SIZE;
}

static void x86_64_write(struct lmm_run *run, u16 index, u64 value)
{
	bool active = run->program.api->active(run->task);
	struct lmm_queue *queue = queue_of(run);

	if (LMM_MUTANT(DIRECT_OVERTAKES) && !active) {
		run->table.memory[index] = value;
		run->counters[MULTICALLS]++;
		run->counters[UPDATES]++;
		lmm_write_direct(run, index);
		return;
	}
	queue->updates[queue->len].index = index;
	queue->updates[queue->len].value = value;
	queue->len++;
	if (active)
		lmm_write_deferred(run, index);
	else
		lmm_write_direct(run, index);
	if (!active || queue->len == queue_size())
		x86_64_issue(run);
}

static u64 x86_64_read(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
}

const struct lmm_arch lmm_arch_x86_64 = {
	.name		= "x86_64",
	.own_counters	= { "multicalls", "updates" },
	.write		= x86_64_write,
	.read		= x86_64_read,
	.leave		= x86_64_issue,
	.flush		= x86_64_issue,
	.leave_cpu	= x86_64_issue,
};
