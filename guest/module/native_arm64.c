// SPDX-License-Identifier: GPL-2.0-only
/*
 * The running kernel's own page-table updates on arm64: a write is the kernel's
 * __set_pte() on an entry of a private table. Its barriers are counted where the kernel's
 * inline functions issue them (native/asm/pgtable.h), so a write of a valid value is
 * deferred if it issues none, and owes its barrier until the next one on its CPU.
 *
 * The kernel issues barriers for its own entries only. So a valid value of the program is
 * stored with the bits of such an entry, and is reported in place of what was stored.
 */
#include <linux/bitmap.h>
#include <linux/pgtable.h>
#include <linux/string.h>

#include "lazymmu.h"
#include "native.h"

/* Of the one program that runs */
static struct {
	struct lmm_run *run;	/* NULL before its first step, and after the last one */
	pte_t entries[LMM_TABLE_ENTRIES];
	pte_t seen[LMM_TABLE_ENTRIES];	/* what memory held at the last look */
	u64 newest[LMM_TABLE_ENTRIES];	/* the value of the last write */
} observed;

/* Notes a barrier that one of the kernel's inline functions has issued. */
void lmm_native_barrier(void)
{
	struct lmm_run *run = observed.run;

	if (!run)
		return;
	run->counters[LMM_ARM64_BARRIERS]++;
	lmm_arm64_serve(run);
}

static pte_t to_entry(u64 value)
{
	if (lmm_pte_valid(value))
		value = (value | PTE_UXN) & ~(u64)PTE_USER;
	return __pte(value);
}

/* Reads an entry as it is in memory. Only its last write can have changed it. */
static void look(u16 index)
{
	pte_t entry = __ptep_get(&observed.entries[index]);

	if (pte_val(entry) == pte_val(observed.seen[index]))
		return;
	observed.seen[index] = entry;
	if (pte_val(entry) == pte_val(to_entry(observed.newest[index])))
		lmm_store(observed.run, index, observed.newest[index]);
	else
		lmm_run_failed(observed.run, "memory has an entry that nobody wrote");
}

static void arm64_observe(struct lmm_run *run)
{
	unsigned int i;

	for_each_set_bit(i, run->table.waiting, LMM_TABLE_ENTRIES)
		look(i);
	lmm_native_observe(run);
}

static void arm64_write(struct lmm_run *run, u16 index, u64 value)
{
	u64 barriers = run->counters[LMM_ARM64_BARRIERS];

	lmm_arm64_forget(run, index);
	observed.newest[index] = value;
	__set_pte(&observed.entries[index], to_entry(value));
	look(index);
	if (lmm_pte_valid(value) && run->counters[LMM_ARM64_BARRIERS] == barriers) {
		lmm_write_deferred(run, index, value);
		lmm_arm64_owe(run, index);
	} else {
		lmm_write_direct(run, index, value);
	}
}

static u64 arm64_read(const struct lmm_run *run, u16 index)
{
	look(index);
	return run->table.memory[index];
}

/* The thread leaves its CPU, and __switch_to() has a barrier that nobody can count. */
static void arm64_switch_out(struct lmm_run *run)
{
	lmm_arm64_serve(run);
}

static int arm64_begin(struct lmm_run *run)
{
	memset(&observed, 0, sizeof(observed));
	observed.run = run;
	return 0;
}

/* The barriers of threads that end are not the program's. */
static void arm64_end(struct lmm_run *run)
{
	observed.run = NULL;
}

/* Replaces the personality of the same name */
const struct lmm_arch lmm_native_arch = {
	.name		= "arm64",
	.own_counters	= { "barriers" },
	.cpu_size	= sizeof(struct lmm_arm64_cpu),
	.write		= arm64_write,
	.read		= arm64_read,
	.switch_out	= arm64_switch_out,
	.begin		= arm64_begin,
	.end		= arm64_end,
	.observe	= arm64_observe,
};
