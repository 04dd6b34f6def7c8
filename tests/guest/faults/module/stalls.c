// SPDX-License-Identifier: GPL-2.0-only
/* Faults of time and context: code that never ends, never sleeps, or sleeps where it must not */
#include <linux/bottom_half.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/nmi.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "faults.h"

static void fault_soft_lockup(void)
{
	preempt_disable();
	while (!zero)
		cpu_relax();
}

static int wait_for_rcu(void *data)
{
	void (*wait)(void) = data;

	wait();
	return 0;
}

/* RCU reports a stall only if something waits for a grace period. */
static void want_grace_period(void (*wait)(void))
{
	kthread_run(wait_for_rcu, wait, "faults/rcu");
}

static void fault_hard_lockup(void)
{
	want_grace_period(synchronize_rcu);
	local_irq_disable();
	while (!zero)
		cpu_relax();
}

static void stall_rcu(void (*wait)(void))
{
	want_grace_period(wait);
	rcu_read_lock();
	preempt_disable();
	while (!zero) {
		touch_softlockup_watchdog();
		cpu_relax();
	}
}

static void fault_rcu_stall(void)
{
	stall_rcu(synchronize_rcu);
}

static void fault_rcu_expedited_stall(void)
{
	stall_rcu(synchronize_rcu_expedited);
}

static void fault_hung_task(void)
{
	/* kthread_stop() wakes it from any state. */
	while (!zero) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
}

static void fault_idle(void)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(never);

	wait_event_interruptible(never, zero);
}

static void fault_sleep_in_atomic(void)
{
	local_bh_disable();
	might_sleep();
	local_bh_enable();
}

static void fault_scheduling_while_atomic(void)
{
	local_bh_disable();
	schedule_timeout_uninterruptible(1);
	local_bh_enable();
}

const struct fault stalls[] = {
	{ "soft_lockup", fault_soft_lockup },
	{ "hard_lockup", fault_hard_lockup },
	{ "rcu_stall", fault_rcu_stall },
	{ "rcu_expedited_stall", fault_rcu_expedited_stall },
	{ "hung_task", fault_hung_task },
	{ "sleep_in_atomic", fault_sleep_in_atomic },
	{ "scheduling_while_atomic", fault_scheduling_while_atomic },
	{ "idle", fault_idle, true },
	{ "spin", fault_soft_lockup, true },
	{ "spin_irqs_off", fault_hard_lockup, true },
	{ }
};
