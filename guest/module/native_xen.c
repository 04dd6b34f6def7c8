// SPDX-License-Identifier: GPL-2.0-only
/*
 * The running kernel's own page-table updates, if it is a paravirtualized guest of Xen.
 * A write is the kernel's set_pte() on an entry of a vmalloc area that the module owns.
 * What the kernel does with it is observed in two ways: the entries are read from memory,
 * and the tracepoints "xen" tell when an update joins the queue of a CPU, and when a
 * queue is issued.
 *
 * Xen accepts only a frame that the guest owns, so each valid value of the program stands
 * for a page of the module's. Values that are not valid are stored as they are.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>
#include <asm/xen/trace_types.h>
#include <xen/xen.h>

#include "lazymmu.h"
#include "native.h"

#define MULTICALLS	LMM_NR_COMMON
#define UPDATES		(LMM_NR_COMMON + 1)

/* Valid values in one program: each has a page of its own */
#define NR_FRAMES	1024U
/* Bytes of the queue that an update takes (struct mmu_update) */
#define UPDATE_SIZE	16U

/* What waits in the kernel's queue of a CPU, by the index of its entry, oldest first */
struct observed_queue {
	unsigned int len;
	u16 updates[LMM_QUEUE_SIZE + 1];
};

struct frame {
	u64 value;
	struct page *page;
};

/* Made for the first run, and kept for the next ones */
struct native_xen {
	struct lmm_run *run;		/* NULL between runs */
	struct page *page;		/* the area maps it everywhere at first */
	void *area;
	pte_t *entries[LMM_TABLE_ENTRIES];
	pte_t before[LMM_TABLE_ENTRIES];
	pteval_t seen[LMM_TABLE_ENTRIES];	/* what memory held at the last look */
	unsigned int nr_frames;		/* values of this run; pages of earlier ones are kept */
	struct frame frames[NR_FRAMES];
	struct observed_queue queues[LMM_NR_CPUS];
	int writing[LMM_NR_CPUS];	/* the index that is being written there, -1 if none */
	bool joined[LMM_NR_CPUS];	/* that write has joined the queue */
};

/* For the probes, too. Only one program runs at a time. */
static struct native_xen *observed;

/*
 * Notes that the write that is in progress has joined the queue of this CPU. The kernel has
 * preemption off where it calls a probe.
 */
static void joined(void)
{
	unsigned int cpu = raw_smp_processor_id();
	struct native_xen *xen = observed;
	struct observed_queue *queue;
	int index;

	if (cpu >= LMM_NR_CPUS || xen->writing[cpu] < 0)
		return;
	index = xen->writing[cpu];
	queue = &xen->queues[cpu];
	xen->joined[cpu] = true;
	if (queue->len == ARRAY_SIZE(queue->updates)) {
		lmm_run_failed(xen->run, "the kernel's queue is longer than it can be");
		return;
	}
	queue->updates[queue->len++] = index;
	lmm_owe(xen->run, index);
}

static void probe_entry_alloc(void *data, size_t args)
{
	joined();
}

static void probe_extend_args(void *data, unsigned long op, size_t args,
			      enum xen_mc_extend_args result)
{
	if (result == XEN_MC_XE_OK)
		joined();
}

/*
 * An update that does not fit any more has already been noted; the bytes in the queue say
 * how many are issued. A context switch adds multicalls of its own, after them.
 */
static void probe_flush(void *data, unsigned int calls, unsigned int bytes, unsigned int callbacks)
{
	unsigned int cpu = raw_smp_processor_id();
	struct native_xen *xen = observed;
	struct lmm_run *run = READ_ONCE(xen->run);
	struct observed_queue *queue;
	unsigned int issued;

	if (cpu >= LMM_NR_CPUS || !run)
		return;
	queue = &xen->queues[cpu];
	issued = min(queue->len, bytes / UPDATE_SIZE);
	if (!issued)
		return;
	for (unsigned int i = 0; i < issued; i++)
		lmm_settle(run, queue->updates[i]);
	queue->len -= issued;
	memmove(queue->updates, queue->updates + issued, queue->len * sizeof(queue->updates[0]));
	run->counters[MULTICALLS]++;
	run->counters[UPDATES] += issued;
}

static struct probe {
	const char *name;
	void *function;
	struct tracepoint *tracepoint;	/* NULL before it is found */
} probes[] = {
	{ "xen_mc_entry_alloc", probe_entry_alloc },
	{ "xen_mc_extend_args", probe_extend_args },
	{ "xen_mc_flush", probe_flush },
};

static void find_tracepoint(struct tracepoint *tracepoint, void *data)
{
	struct probe *probe = data;

	if (!strcmp(tracepoint->name, probe->name))
		probe->tracepoint = tracepoint;
}

/* They stay until the module goes: to remove them takes a grace period of RCU. */
static int register_probes(void)
{
	int err = 0;
	size_t nr;

	for (nr = 0; !err && nr < ARRAY_SIZE(probes); nr++) {
		for_each_kernel_tracepoint(find_tracepoint, &probes[nr]);
		err = !probes[nr].tracepoint ? -ENOENT :
		      tracepoint_probe_register(probes[nr].tracepoint, probes[nr].function, NULL);
	}
	if (!err)
		return 0;
	while (--nr > 0)
		tracepoint_probe_unregister(probes[nr - 1].tracepoint, probes[nr - 1].function,
					    NULL);
	tracepoint_synchronize_unregister();
	return err;
}

static pte_t entry_of(const struct page *page)
{
	return pfn_pte(page_to_pfn(page), PAGE_KERNEL);
}

/* Returns the entry that stands for a value, and halts the run if there is none. */
static pte_t to_entry(struct native_xen *xen, u64 value)
{
	unsigned int i;

	if (!lmm_pte_valid(value))
		return native_make_pte(value);
	for (i = 0; i < xen->nr_frames; i++)
		if (xen->frames[i].value == value)
			return entry_of(xen->frames[i].page);
	if (i < NR_FRAMES && !xen->frames[i].page)
		xen->frames[i].page = alloc_page(GFP_ATOMIC);
	if (i == NR_FRAMES || !xen->frames[i].page) {
		lmm_run_failed(xen->run, "no page for value %llu", value);
		return native_make_pte(0);
	}
	xen->frames[i].value = value;
	xen->nr_frames++;
	return entry_of(xen->frames[i].page);
}

/* Returns the value that an entry in memory stands for. */
static u64 to_value(struct native_xen *xen, pteval_t raw)
{
	pte_t entry = { .pte = raw };

	if (!lmm_pte_valid(raw))
		return raw;
	for (unsigned int i = 0; i < xen->nr_frames; i++)
		if (pte_pfn(entry) == page_to_pfn(xen->frames[i].page))
			return xen->frames[i].value;
	lmm_run_failed(xen->run, "memory has an entry that nobody wrote");
	return 0;
}

/* Reads an entry as it is in memory. */
static void look(struct native_xen *xen, u16 index)
{
	pteval_t raw = READ_ONCE(xen->entries[index]->pte);

	if (raw == xen->seen[index])
		return;
	xen->seen[index] = raw;
	lmm_store(xen->run, index, to_value(xen, raw));
}

static void xen_observe(struct lmm_run *run)
{
	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++)
		look(observed, i);
}

/* Interrupts are off, so that what the probes see here is this write's. */
static void xen_write(struct lmm_run *run, u16 index, u64 value)
{
	struct native_xen *xen = observed;
	pte_t entry = to_entry(xen, value);
	unsigned long flags;
	unsigned int cpu;
	bool waits;

	local_irq_save(flags);
	cpu = smp_processor_id();
	xen->joined[cpu] = false;
	xen->writing[cpu] = index;
	set_pte(xen->entries[index], entry);
	xen->writing[cpu] = -1;
	/* If anything is left in the queue, the newest update is. */
	waits = xen->joined[cpu] && xen->queues[cpu].len;
	local_irq_restore(flags);
	if (waits)
		lmm_write_deferred(run, index, value);
	else
		lmm_write_direct(run, index, value);
}

static u64 xen_read(const struct lmm_run *run, u16 index)
{
	look(observed, index);
	return run->table.memory[index];
}

static int map_area(struct native_xen *xen)
{
	struct page **pages;
	unsigned int level;

	xen->page = alloc_page(GFP_KERNEL);
	pages = kvmalloc_array(LMM_TABLE_ENTRIES, sizeof(*pages), GFP_KERNEL);
	if (xen->page && pages) {
		for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++)
			pages[i] = xen->page;
		xen->area = vmap(pages, LMM_TABLE_ENTRIES, VM_MAP, PAGE_KERNEL);
	}
	kvfree(pages);
	if (!xen->area)
		return -ENOMEM;
	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++) {
		unsigned long address = (unsigned long)xen->area + i * PAGE_SIZE;
		pte_t *entry = lookup_address(address, &level);

		if (!entry || level != PG_LEVEL_4K)
			return -ENXIO;
		xen->before[i] = *entry;
		xen->entries[i] = entry;
	}
	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++)
		set_pte(xen->entries[i], native_make_pte(0));
	return 0;
}

/* Frees what the first run made. No probe runs any more. */
static void free_all(struct native_xen *xen)
{
	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES && xen->entries[i]; i++)
		set_pte(xen->entries[i], xen->before[i]);
	if (xen->area)
		vunmap(xen->area);
	for (unsigned int i = 0; i < NR_FRAMES && xen->frames[i].page; i++)
		__free_page(xen->frames[i].page);
	if (xen->page)
		__free_page(xen->page);
	kvfree(xen);
}

static void xen_exit(void)
{
	struct native_xen *xen = observed;

	if (!xen)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		tracepoint_probe_unregister(probes[i].tracepoint, probes[i].function, NULL);
	tracepoint_synchronize_unregister();
	observed = NULL;
	free_all(xen);
}

/* Makes what all runs need. The probes come last, since they use it. */
static int make_all(void)
{
	struct native_xen *xen = kvzalloc(sizeof(*xen), GFP_KERNEL);
	int err = xen ? map_area(xen) : -ENOMEM;

	if (!err) {
		for (unsigned int cpu = 0; cpu < LMM_NR_CPUS; cpu++)
			xen->writing[cpu] = -1;
		observed = xen;
		err = register_probes();
	}
	if (err && xen) {
		observed = NULL;
		free_all(xen);
	}
	return err;
}

/* The threads of the run before have issued their queues before they ended. */
static int xen_begin(struct lmm_run *run)
{
	int err = observed ? 0 : make_all();

	if (err)
		return err;
	observed->run = run;
	observed->nr_frames = 0;
	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++) {
		if (observed->entries[i]->pte)
			set_pte(observed->entries[i], native_make_pte(0));
		observed->seen[i] = 0;
	}
	return 0;
}

/* What the kernel issues from now on is not the program's. */
static void xen_end(struct lmm_run *run)
{
	WRITE_ONCE(observed->run, NULL);
	for (unsigned int cpu = 0; cpu < LMM_NR_CPUS; cpu++)
		observed->queues[cpu].len = 0;
}

/* Replaces the personality of the same name */
const struct lmm_arch lmm_native_xen = {
	.name		= "xen",
	.own_counters	= { "multicalls", "updates" },
	.exact		= true,
	.write		= xen_write,
	.read		= xen_read,
	.begin		= xen_begin,
	.end		= xen_end,
	.observe	= xen_observe,
	.exit		= xen_exit,
};
