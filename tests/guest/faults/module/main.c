// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kills, stops or damages the guest in the way that the parameter "fault" names, so
 * that tests see what its console prints.
 *
 * The fault runs in its own kernel thread, on CPU 1 if there is one, and the load waits
 * for the thread. So init survives if the thread dies. The load then fails with
 * ECANCELED, so that the module can be loaded again with another fault.
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
#include <linux/sched/task.h>
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
	/* kthread_stop() needs a thread that has not ended by itself. */
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
	/* The fault may kill the thread, and kthread_stop() still uses its task_struct. */
	get_task_struct(task);
	wake_up_process(task);
	/* kthread_stop() would keep a thread that has not run yet from running. */
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

MODULE_DESCRIPTION("Faults on request, to test how the harness reports them");
MODULE_LICENSE("GPL");
