// SPDX-License-Identifier: GPL-2.0-only
/* Faults of memory: it is exhausted or damaged. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/kfence.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/umh.h>

#include "faults.h"

/* A second agent, because the OOM killer spares init */
static void fault_oom(void)
{
	static char *argv[] = { "/init", NULL };
	static char *envp[] = { NULL };

	call_usermodehelper(argv[0], argv, envp, UMH_WAIT_EXEC);
	while (alloc_page(GFP_KERNEL))
		;
}

static void fault_allocation(void)
{
	while (alloc_pages(GFP_ATOMIC, 0))
		;
}

static noinline unsigned long deeper(unsigned long depth)
{
	volatile unsigned long frame[32];

	frame[depth % 32] = depth;
	if (zero)
		return depth;
	return deeper(depth + 1) + frame[depth % 32];
}

static void fault_stack_overflow(void)
{
	sink = deeper(0);
}

static noinline void smash(unsigned long len)
{
	char small[16];
	volatile char *at = small;

	while (len--)
		at[len] = 0x41;
	sink = at[zero];
}

static void fault_stack_protector(void)
{
	smash(sizeof(long) * 8);
}

static void fault_fortify(void)
{
	char small[8], big[32] = "";

	memcpy(small, big, 32 + zero);
	sink = small[zero];
}

static void fault_usercopy(void)
{
	char *small = kmalloc(16, GFP_KERNEL);

	if (!small)
		return;
	check_object_size(small, 64 + zero, true);
	kfree(small);
}

static void fault_list_corruption(void)
{
	static LIST_HEAD(head);
	static struct list_head entry;

	list_add(&entry, &head);
	list_del(&entry);
	list_del(&entry);
}

static void fault_refcount(void)
{
	refcount_t count = REFCOUNT_INIT(0);

	refcount_inc(&count);
}

/* Allocates objects until one is from KFENCE's pool. */
static char *fenced(void)
{
	unsigned long end = jiffies + 20 * HZ;

	while (time_before(jiffies, end)) {
		char *object = kmalloc(64, GFP_KERNEL);

		if (!object || is_kfence_address(object))
			return object;
		kfree(object);
		cond_resched();
	}
	pr_notice("no object came from KFENCE's pool\n");
	return NULL;
}

static void fault_kfence(void)
{
	volatile char *object = fenced();

	if (!object)
		return;
	kfree((void *)object);
	sink = object[8];
}

/* Needs slub_debug=FZ. */
static void fault_slab(void)
{
	volatile char *object = kmalloc(64, GFP_KERNEL);

	if (!object)
		return;
	object[64 + zero] = 0x41;
	kfree((void *)object);
}

/* Needs page_poison=1, or a kernel that checks pages always. */
static void fault_bad_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return;
	page->mapping = (void *)0x1000;
	__free_page(page);
}

const struct fault memory[] = {
	{ "oom", fault_oom },
	{ "allocation", fault_allocation },
	{ "stack_overflow", fault_stack_overflow },
	{ "stack_protector", fault_stack_protector },
	{ "fortify", fault_fortify },
	{ "usercopy", fault_usercopy },
	{ "list_corruption", fault_list_corruption },
	{ "refcount", fault_refcount },
	{ "kfence", fault_kfence },
	{ "slab", fault_slab },
	{ "bad_page", fault_bad_page },
	{ }
};
