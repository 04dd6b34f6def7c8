// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contexts: a list of steps in a hard interrupt or a softirq of the running
 * task's CPU, with bottom halves disabled, or with interrupts off. Each list first
 * checks the context, and each step its CPU and thread.
 */
#include <linux/bottom_half.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "lazymmu.h"

/* What raises the interrupt and the softirq of a run's blocks */
struct lmm_contexts {
	struct lmm_run *run;
	struct irq_work irq_work;
	struct tasklet_struct tasklet;
};

/*
 * Whether the code that runs may sleep: as the scenario has it. The real preemption count
 * is the module's own business, except for its bits that say in which context this is.
 */
bool lmm_may_sleep(const struct lmm_run *run)
{
	return !in_interrupt() && !irqs_disabled() && !run->task->hold;
}

static void run_block(struct lmm_run *run, const struct lmm_step *step, bool right)
{
	if (right)
		lmm_run_list(run, step);
	else
		lmm_run_failed(run, "%s block in another context",
			       lmm_operations[step->op].name);
}

static void interrupt_block(struct irq_work *work)
{
	struct lmm_run *run = container_of(work, struct lmm_contexts, irq_work)->run;

	run_block(run, run->interrupt, in_hardirq());
}

static void softirq_block(struct tasklet_struct *tasklet)
{
	struct lmm_run *run = container_of(tasklet, struct lmm_contexts, tasklet)->run;

	run_block(run, run->softirq, in_serving_softirq() && !in_hardirq());
	run->softirq = NULL;
}

/* Returns 0 or -ENOMEM. */
int lmm_contexts_init(struct lmm_run *run)
{
	struct lmm_contexts *contexts = kzalloc(sizeof(*contexts), GFP_KERNEL);

	run->contexts = contexts;
	if (!contexts)
		return -ENOMEM;
	contexts->run = run;
	contexts->irq_work = IRQ_WORK_INIT_HARD(interrupt_block);
	tasklet_setup(&contexts->tasklet, softirq_block);
	return 0;
}

/* Waits for a softirq that was not served at once. Does nothing if there are no contexts. */
void lmm_contexts_end(struct lmm_run *run)
{
	if (!run->contexts)
		return;
	tasklet_kill(&run->contexts->tasklet);
	kfree(run->contexts);
	run->contexts = NULL;
}

/*
 * Preemption is off, so that the interrupt finds the task's thread and no other;
 * in_interrupt() ignores it.
 */
void lmm_context_interrupt(struct lmm_run *run, const struct lmm_step *step)
{
	run->interrupt = step;
	preempt_disable();
	irq_work_queue(&run->contexts->irq_work);
	while (irq_work_is_busy(&run->contexts->irq_work))
		cpu_relax();
	preempt_enable();
}

/*
 * local_bh_enable() serves the tasklet at once, on top of the task, since no interrupt
 * could serve it earlier. With PREEMPT_RT it does so only if preemption is on, and leaves
 * the rest to ksoftirqd: a task that stands by gives its CPU free for the moment.
 */
void lmm_context_softirq(struct lmm_run *run, const struct lmm_step *step)
{
	bool bound = IS_ENABLED(CONFIG_PREEMPT_RT) && run->standby.task;

	run->softirq = step;
	if (bound)
		preempt_enable();
	local_bh_disable();
	tasklet_hi_schedule(&run->contexts->tasklet);
	local_bh_enable();
	if (bound)
		preempt_disable();
	if (run->softirq)
		lmm_run_failed(run, "softirq block not served at once");
}

/* Another task's meanwhile may be in the list: that task stands by before this one is bound. */
void lmm_context_bh_disabled(struct lmm_run *run, const struct lmm_step *step)
{
	bool stands_by = lmm_standby_begin(run, step);

	local_bh_disable();
	run_block(run, step, in_softirq() && !in_serving_softirq() && !in_hardirq());
	local_bh_enable();
	if (stands_by)
		lmm_standby_end(run);
}

void lmm_context_irqs_off(struct lmm_run *run, const struct lmm_step *step)
{
	bool stands_by = lmm_standby_begin(run, step);
	unsigned long flags;

	local_irq_save(flags);
	run_block(run, step, irqs_disabled() && !in_interrupt());
	local_irq_restore(flags);
	if (stands_by)
		lmm_standby_end(run);
}
