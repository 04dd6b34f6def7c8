// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does one thing that kills, stops or confuses a guest, chosen by the
 * parameter "fault", so that tests see what its console says of it.
 *
 * A fault runs in a kernel thread of its own, bound to CPU 1 where there is
 * one, and the load waits for the thread's end. So a thread that dies leaves
 * init alive. The load then fails with ECANCELED: the module never stays, and
 * can be loaded again with another fault.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "faults.h"

static char *fault = "";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "What to do, by a name of one of the tables");

static const struct fault *const tables[] = { crashes, memory, stalls, traps };

volatile int zero;
volatile unsigned long sink;

static DECLARE_COMPLETION(started);

static int thread(void *data)
{
	void (*run)(void) = data;

	complete(&started);
	run();
	/* kthread_stop() may only be called for a thread that has not ended by itself. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static int run_in_thread(const char *name, void (*run)(void))
{
	struct task_struct *task;

	task = kthread_create(thread, run, "faults/%s", name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (num_online_cpus() > 1)
		kthread_bind(task, 1);
	/* The thread may die of its fault, and is still asked for its end. */
	get_task_struct(task);
	wake_up_process(task);
	/* A thread that is stopped before it ran never runs. */
	wait_for_completion(&started);
	kthread_stop(task);
	put_task_struct(task);
	return 0;
}

static const struct fault *find_fault(const char *name)
{
	const struct fault *entry;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (entry = tables[i]; entry->name; entry++)
			if (!strcmp(name, entry->name))
				return entry;
	return NULL;
}

static int __init faults_init(void)
{
	const struct fault *found = find_fault(fault);
	int err;

	if (!found) {
		pr_err("no fault \"%s\"\n", fault);
		return -EINVAL;
	}
	pr_notice("%s\n", fault);
	if (found->in_init) {
		found->run();
		return -ECANCELED;
	}
	err = run_in_thread(found->name, found->run);
	return err ?: -ECANCELED;
}
module_init(faults_init);

MODULE_DESCRIPTION("Faults on request, for tests of what the harness makes of them");
MODULE_LICENSE("GPL");
