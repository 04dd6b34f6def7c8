// SPDX-License-Identifier: GPL-2.0-only
/*
 * The running kernel's own page-table updates on powerpc. A write is the kernel's
 * pte_update() or __set_pte_at() on a live entry. The entry maps a page of a vmalloc area
 * that the module owns. Its values are not frames, so each valid one is stored as one of
 * the module's two pages, by turns: an entry always differs from the one before.
 *
 * With the hash MMU, a write over an entry that has been used (H_PAGE_HASHPTE) is flushed
 * from the hash table, now or with the batch of the CPU. What joins the batch is read from
 * it. Probes of flush_hash_page() and flush_hash_range() tell when something is flushed.
 * An entry that is still in the batch must not be used again, because the hash table would
 * have two translations of one address. It is only marked as used: the kernel expects
 * marks without a translation, which may be evicted at any time, and H_BULK_REMOVE and
 * H_REMOVE then find nothing.
 *
 * With the radix MMU all of this is the same, but for the hash table: there is none.
 */
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/swapops.h>
#include <linux/vmalloc.h>
#include <asm/mmu.h>
#include <asm/mmu_context.h>

#include "lazymmu.h"
#include "native.h"

#define FLUSHES		LMM_NR_COMMON
#define FLUSHED_ENTRIES	(LMM_NR_COMMON + 1)

#define NO_ENTRY	(-1)

/* What the kernel does not export */
static struct {
	unsigned long (*lookup_name)(const char *name);
	void (*need_flush)(struct mm_struct *mm, unsigned long addr, pte_t *ptep,
			   unsigned long pte, int huge);
	void (*flush_pending)(struct ppc64_tlb_batch *batch);
	struct ppc64_tlb_batch __percpu *batch;
	struct mm_struct *mm;		/* init_mm */
} hidden;

/* A write in progress on a CPU */
struct writing {
	int index;			/* NO_ENTRY if there is none */
	unsigned long waited;		/* entries of the batch before it */
	bool flushed;			/* it has joined the batch, which is flushed already */
};

/* Made for the first run, and kept for the next ones */
struct native_powerpc {
	struct lmm_run *run;		/* NULL between runs */
	struct page *pages[2];		/* the area maps the first one everywhere at first */
	void *area;
	pte_t *entries[LMM_TABLE_ENTRIES];
	unsigned long vpns[LMM_TABLE_ENTRIES];	/* as the hash table knows the addresses */
	pte_t seen[LMM_TABLE_ENTRIES];	/* what memory held at the last look */
	pte_t written[LMM_TABLE_ENTRIES];	/* as what the last write was stored */
	u64 newest[LMM_TABLE_ENTRIES];	/* the value of the last write */
	struct writing writing[LMM_NR_CPUS];
};

/* For the probes, too. Only one program runs at a time. */
static struct native_powerpc *observed;

/* The kernel's inline functions call these three by their names. */
void hpte_need_flush(struct mm_struct *mm, unsigned long addr, pte_t *ptep, unsigned long pte,
		     int huge)
{
	hidden.need_flush(mm, addr, ptep, pte, huge);
}

void __flush_tlb_pending(struct ppc64_tlb_batch *batch)
{
	hidden.flush_pending(batch);
}

#ifdef CONFIG_DEBUG_VM
/* The kernel's asks nothing of init_mm. */
void assert_pte_locked(struct mm_struct *mm, unsigned long addr)
{
}
#endif

struct ppc64_tlb_batch *lmm_native_batch(void)
{
	return this_cpu_ptr(hidden.batch);
}

/* Returns the entry of an address as the hash table knows it, NO_ENTRY if it is not ours. */
static int find_entry(const struct native_powerpc *native, unsigned long vpn)
{
	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++)
		if (native->vpns[i] == vpn)
			return i;
	return NO_ENTRY;
}

static void count_flush(struct lmm_run *run, unsigned int entries)
{
	if (!entries)
		return;
	run->counters[FLUSHES]++;
	run->counters[FLUSHED_ENTRIES] += entries;
}

/* Notes that the kernel flushes the first entries of this CPU's batch. */
static void batch_flushed(struct native_powerpc *native, struct writing *writing,
			  unsigned long number)
{
	const struct ppc64_tlb_batch *batch = lmm_native_batch();
	unsigned int entries = 0;

	for (unsigned long i = 0; i < number; i++) {
		int index = find_entry(native, batch->vpn[i]);

		if (index == NO_ENTRY)
			continue;
		entries++;
		if (writing->index != NO_ENTRY && i >= writing->waited)
			writing->flushed = true;
		else
			lmm_settle(native->run, index);
	}
	count_flush(native->run, entries);
}

/* Returns what this CPU writes, NULL if no program is interested. */
static struct writing *this_writing(void)
{
	unsigned int cpu = raw_smp_processor_id();
	struct native_powerpc *native = READ_ONCE(observed);

	return native && native->run && cpu < LMM_NR_CPUS ? &native->writing[cpu] : NULL;
}

/* flush_hash_page(vpn, ...): called for a write that does not wait, and for a batch of one */
static int page_flushed(struct kprobe *probe, struct pt_regs *regs)
{
	struct writing *writing = this_writing();
	unsigned long vpn = regs->gpr[3];

	if (!writing || find_entry(observed, vpn) == NO_ENTRY)
		return 0;
	if (writing->index != NO_ENTRY && observed->vpns[writing->index] == vpn)
		count_flush(observed->run, 1);
	else
		batch_flushed(observed, writing, 1);
	return 0;
}

/* flush_hash_range(number, ...) */
static int range_flushed(struct kprobe *probe, struct pt_regs *regs)
{
	struct writing *writing = this_writing();

	if (writing)
		batch_flushed(observed, writing, regs->gpr[3]);
	return 0;
}

static struct kprobe flush_probes[] = {
	{ .symbol_name = "flush_hash_page", .pre_handler = page_flushed },
	{ .symbol_name = "flush_hash_range", .pre_handler = range_flushed },
};

static int register_probes(void)
{
	int err = 0;
	size_t nr;

	if (radix_enabled())
		return 0;
	for (nr = 0; !err && nr < ARRAY_SIZE(flush_probes); nr++)
		err = register_kprobe(&flush_probes[nr]);
	while (err && --nr > 0)
		unregister_kprobe(&flush_probes[nr - 1]);
	return err;
}

static void unregister_probes(void)
{
	for (size_t i = 0; !radix_enabled() && i < ARRAY_SIZE(flush_probes); i++)
		unregister_kprobe(&flush_probes[i]);
}

/*
 * Finds kallsyms_lookup_name(), which finds all others. A kprobe may be some bytes behind
 * the beginning of its function.
 */
static int find_lookup_name(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };
	char text[KSYM_SYMBOL_LEN];
	unsigned long offset;
	int err = register_kprobe(&probe);

	if (err)
		return err;
	unregister_kprobe(&probe);
	sprint_symbol(text, (unsigned long)probe.addr);
	if (sscanf(text, "kallsyms_lookup_name+%li/", &offset) != 1)
		return -ENOENT;
	hidden.lookup_name = (void *)probe.addr - offset;
	return 0;
}

static int find_hidden(void)
{
	int err = hidden.lookup_name ? 0 : find_lookup_name();

	if (err)
		return err;
	hidden.need_flush = (void *)hidden.lookup_name("hpte_need_flush");
	hidden.flush_pending = (void *)hidden.lookup_name("__flush_tlb_pending");
	hidden.batch = (void __percpu *)hidden.lookup_name("ppc64_tlb_batch");
	hidden.mm = (void *)hidden.lookup_name("init_mm");
	return hidden.need_flush && hidden.flush_pending && hidden.batch && hidden.mm ? 0 : -ENOENT;
}

static unsigned long address_of(const struct native_powerpc *native, u16 index)
{
	return (unsigned long)native->area + index * PAGE_SIZE;
}

/* Returns as what a value is stored, other than what the entry has now. */
static pte_t to_entry(const struct native_powerpc *native, u16 index, u64 value)
{
	bool turn;

	if (!value)
		return __pte(0);
	if (lmm_pte_valid(value)) {
		turn = pte_pfn(native->written[index]) == page_to_pfn(native->pages[0]);
		return pte_mkdirty(pte_mkyoung(mk_pte(native->pages[turn], PAGE_KERNEL)));
	}
	turn = pte_same(native->written[index], swp_entry_to_pte(swp_entry(0, 1)));
	return swp_entry_to_pte(swp_entry(0, 1 + turn));
}

/* Reads an entry as it is in memory. Only its last write can have changed it. */
static void look(struct native_powerpc *native, u16 index)
{
	pte_t entry = READ_ONCE(*native->entries[index]);

	if (pte_same(entry, native->seen[index]))
		return;
	native->seen[index] = entry;
	if (pte_same(entry, native->written[index]))
		lmm_store(native->run, index, native->newest[index]);
	else
		lmm_run_failed(native->run, "memory has an entry that nobody wrote");
}

static void powerpc_observe(struct lmm_run *run)
{
	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++)
		look(observed, i);
	lmm_native_observe(run);
}

/* Lets a valid entry be one that the processor has used. */
static void use(struct native_powerpc *native, u16 index)
{
	unsigned long address = address_of(native, index);
	pte_t *entry = native->entries[index];
	pte_t now = READ_ONCE(*entry);

	if (radix_enabled() || !pte_present(now) || (pte_val(now) & H_PAGE_HASHPTE))
		return;
	if (!native->run->table.owed[index])
		READ_ONCE(*(u8 *)address);
	now = READ_ONCE(*entry);
	if (!(pte_val(now) & H_PAGE_HASHPTE))
		pte_update(hidden.mm, address, entry, 0, H_PAGE_HASHPTE, 0);
}

static void store(struct native_powerpc *native, u16 index, pte_t new)
{
	unsigned long address = address_of(native, index);
	pte_t *entry = native->entries[index];

	if (pte_val(new) && !pte_present(READ_ONCE(*entry)))
		__set_pte_at(hidden.mm, address, entry, new, 0);
	else
		pte_update(hidden.mm, address, entry, ~0UL, pte_val(new), 0);
}

/* Returns whether the batch of this CPU has the entry as its last one, after a write. */
static bool has_joined(const struct native_powerpc *native, const struct writing *writing)
{
	const struct ppc64_tlb_batch *batch = lmm_native_batch();

	return batch->index > writing->waited &&
	       batch->vpn[batch->index - 1] == native->vpns[writing->index];
}

/* Interrupts are off, so that what the probes see here is this write's. */
static void powerpc_write(struct lmm_run *run, u16 index, u64 value)
{
	struct native_powerpc *native = observed;
	struct writing *writing;
	unsigned long flags;
	bool joined;

	local_irq_save(flags);
	use(native, index);
	writing = &native->writing[smp_processor_id()];
	*writing = (struct writing) { .index = index, .waited = lmm_native_batch()->index };
	native->newest[index] = value;
	native->written[index] = to_entry(native, index, value);
	store(native, index, native->written[index]);
	joined = has_joined(native, writing);
	if (joined)
		lmm_owe(run, index);
	joined |= writing->flushed;
	writing->index = NO_ENTRY;
	local_irq_restore(flags);
	if (joined)
		lmm_write_deferred(run, index, value);
	else
		lmm_write_direct(run, index, value);
	look(native, index);
}

static u64 powerpc_read(const struct lmm_run *run, u16 index)
{
	look(observed, index);
	return run->table.memory[index];
}

static void flush_this_cpu(void *unused)
{
	struct ppc64_tlb_batch *batch = lmm_native_batch();

	if (batch->index)
		hidden.flush_pending(batch);
}

/* Clears the table, once nothing of it waits any more. */
static void clear_table(struct native_powerpc *native)
{
	if (!radix_enabled())
		on_each_cpu(flush_this_cpu, NULL, true);
	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++)
		if (pte_val(*native->entries[i]))
			store(native, i, __pte(0));
}

static int find_entries(pte_t *entry, unsigned long address, void *data)
{
	struct native_powerpc *native = data;
	unsigned int i = (address - (unsigned long)native->area) / PAGE_SIZE;

	native->entries[i] = entry;
	if (!radix_enabled())
		native->vpns[i] = hpt_vpn(address, get_kernel_vsid(address, mmu_kernel_ssize),
					  mmu_kernel_ssize);
	return 0;
}

static int map_area(struct native_powerpc *native)
{
	struct page **pages = kvmalloc_array(LMM_TABLE_ENTRIES, sizeof(*pages), GFP_KERNEL);

	native->pages[0] = alloc_page(GFP_KERNEL);
	native->pages[1] = alloc_page(GFP_KERNEL);
	if (pages && native->pages[0] && native->pages[1]) {
		for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++)
			pages[i] = native->pages[0];
		native->area = vmap(pages, LMM_TABLE_ENTRIES, VM_MAP, PAGE_KERNEL);
	}
	kvfree(pages);
	if (!native->area)
		return -ENOMEM;
	return apply_to_page_range(hidden.mm, (unsigned long)native->area,
				   LMM_TABLE_ENTRIES * PAGE_SIZE, find_entries, native);
}

static void free_all(struct native_powerpc *native)
{
	if (native->area)
		vunmap(native->area);
	for (size_t i = 0; i < ARRAY_SIZE(native->pages); i++)
		if (native->pages[i])
			__free_page(native->pages[i]);
	kvfree(native);
}

static void powerpc_exit(void)
{
	struct native_powerpc *native = observed;

	if (!native)
		return;
	unregister_probes();
	observed = NULL;
	clear_table(native);
	free_all(native);
}

/* Makes what all runs need. The probes come last, since they use it. */
static int make_all(void)
{
	struct native_powerpc *native;
	int err = find_hidden();

	if (err)
		return err;
	native = kvzalloc(sizeof(*native), GFP_KERNEL);
	err = native ? map_area(native) : -ENOMEM;
	if (!err) {
		observed = native;
		err = register_probes();
	}
	if (err && native) {
		observed = NULL;
		free_all(native);
	}
	return err;
}

static int powerpc_begin(struct lmm_run *run)
{
	int err = observed ? 0 : make_all();

	if (err)
		return err;
	clear_table(observed);
	memset(observed->seen, 0, sizeof(observed->seen));
	memset(observed->written, 0, sizeof(observed->written));
	for (unsigned int cpu = 0; cpu < LMM_NR_CPUS; cpu++)
		observed->writing[cpu].index = NO_ENTRY;
	observed->run = run;
	return 0;
}

/* What the kernel flushes from now on is not the program's. */
static void powerpc_end(struct lmm_run *run)
{
	observed->run = NULL;
}

/* Replace the personalities of the same names */
#define NATIVE_ARCH(_name) \
	.name		= _name, \
	.exact		= true, \
	.write		= powerpc_write, \
	.read		= powerpc_read, \
	.begin		= powerpc_begin, \
	.end		= powerpc_end, \
	.observe	= powerpc_observe, \
	.exit		= powerpc_exit

const struct lmm_arch lmm_native_hash = {
	NATIVE_ARCH("ppc64"),
	.own_counters	= { "flushes", "flushed_entries" },
};

const struct lmm_arch lmm_native_radix = { NATIVE_ARCH("radix") };
