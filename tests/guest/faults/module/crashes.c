// SPDX-License-Identifier: GPL-2.0-only
/* Faults that the kernel reports at once: panics, oopses, BUG() and WARN(). */
#include <linux/bug.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/panic.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "faults.h"

static void fault_panic(void)
{
	panic("asked for by the fault module");
}

static void fault_oops(void)
{
	*(volatile int *)(unsigned long)zero = 1;
}

static void fault_oops_irqs_off(void)
{
	local_irq_disable();
	fault_oops();
}

/* An address in the kernel's half, where nothing is mapped any more */
static void fault_bad_address(void)
{
	volatile char *page = vmalloc(PAGE_SIZE);

	if (!page)
		return;
	vfree((void *)page);
	*page = 1;
}

/* An address beyond every architecture's page tables */
static void fault_wild_address(void)
{
	sink = *(volatile unsigned long *)(0xdead000000001000UL + zero);
}

static void fault_bug(void)
{
	BUG();
}

static void fault_warn(void)
{
	WARN(1, "the fault module was asked for a warning, %d\n", zero);
}

static void fault_warn_plain(void)
{
	WARN_ON(!zero);
}

static void fault_warn_once(void)
{
	int i;

	for (i = 0; i < 3; i++)
		WARN_ONCE(1, "the fault module warns once\n");
}

static void fault_init_killed(void)
{
	force_sig(SIGSEGV);
}

const struct fault crashes[] = {
	{ "panic", fault_panic },
	{ "oops", fault_oops },
	{ "oops_irqs_off", fault_oops_irqs_off },
	{ "bad_address", fault_bad_address },
	{ "wild_address", fault_wild_address },
	{ "bug", fault_bug },
	{ "warn", fault_warn },
	{ "warn_plain", fault_warn_plain },
	{ "warn_once", fault_warn_once },
	{ "init_killed", fault_init_killed, true },
	{ "init_oops", fault_oops, true },
	{ }
};
