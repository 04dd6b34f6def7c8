// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module and its file, /proc/lazymmu: a write() runs a program, read()s print its
 * report into the kernel log. docs/protocol.md describes both. A /proc file loads
 * faster than a device: to register one takes an emulated guest longer than the rest.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/panic_notifier.h>
#include <linux/printk.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "lazymmu.h"

#define LINES_PER_READ	1000U

/* One program runs at a time; the lock also protects the pending report. */
static DEFINE_MUTEX(lock);
static struct lmm_run *pending;

static void drop_pending(void)
{
	lmm_run_free(pending);
	pending = NULL;
}

static struct lmm_run *run_user_text(const char __user *buf, size_t len)
{
	struct lmm_run *run;
	char *text;

	if (len > LMM_MAX_TEXT) {
		pr_info("program line 1: more than %u bytes\n", LMM_MAX_TEXT);
		return ERR_PTR(-EINVAL);
	}
	text = vmemdup_user(buf, len);
	if (IS_ERR(text))
		return ERR_CAST(text);
	run = lmm_run_text(text, len);
	kvfree(text);
	return run;
}

static ssize_t lazymmu_write(struct file *file, const char __user *buf,
			     size_t len, loff_t *ppos)
{
	struct lmm_run *run;
	int err;

	err = mutex_lock_interruptible(&lock);
	if (err)
		return err;

	/* Before the parser: the reader of a malformed program must find no report. */
	drop_pending();
	run = run_user_text(buf, len);
	if (!IS_ERR(run))
		pending = run;
	mutex_unlock(&lock);
	return IS_ERR(run) ? PTR_ERR(run) : len;
}

static ssize_t print_pending(char __user *buf, size_t len)
{
	u32 lines = lmm_report_lines(pending);
	u32 now = min(lines, LINES_PER_READ);
	char text[64];

	/* What can fail comes first, since a printed line cannot be taken back. */
	len = min_t(size_t, len,
		    scnprintf(text, sizeof(text), "%u lines printed, %u to come\n",
			      now, lines - now));
	if (copy_to_user(buf, text, len))
		return -EFAULT;

	lmm_report_print(pending, now);
	if (now == lines)
		drop_pending();
	return len;
}

static ssize_t lazymmu_read(struct file *file, char __user *buf, size_t len,
			    loff_t *ppos)
{
	ssize_t ret;

	ret = mutex_lock_interruptible(&lock);
	if (ret)
		return ret;
	if (pending && len)
		ret = print_pending(buf, len);
	mutex_unlock(&lock);
	return ret;
}

static const struct proc_ops lazymmu_ops = {
	.proc_open	= stream_open,
	.proc_read	= lazymmu_read,
	.proc_write	= lazymmu_write,
	.proc_lseek	= noop_llseek,
};

static struct proc_dir_entry *entry;

static int __init lazymmu_init(void)
{
	int err;

	err = lmm_tables_check();
	if (err)
		return err;
	entry = proc_create(KBUILD_MODNAME, 0600, NULL, &lazymmu_ops);
	if (!entry)
		return -ENOMEM;
	atomic_notifier_chain_register(&panic_notifier_list, &lmm_panic_notifier);
	pr_info("loaded, protocol 3\n");
	return 0;
}
module_init(lazymmu_init);

static void __exit lazymmu_exit(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &lmm_panic_notifier);
	/* Waits for callers that are inside. */
	proc_remove(entry);
	drop_pending();
	lmm_tables_exit();
	pr_info("unloaded\n");
}
module_exit(lazymmu_exit);

MODULE_DESCRIPTION("Runs scenarios of the nested lazy MMU mode");
MODULE_LICENSE("GPL");
