// SPDX-License-Identifier: GPL-2.0-only
/*
 * The private page table and its TLB, common to all personalities. A write is either
 * deferred or direct, and is outstanding until it has taken full effect.
 */
#include <linux/bitmap.h>

#include "lazymmu.h"

bool lmm_pte_valid(u64 value)
{
	return value & 1;
}

/* Counts a write that takes effect later. */
void lmm_write_deferred(struct lmm_run *run, u16 index)
{
	run->counters[LMM_DEFERRED]++;
	if (!__test_and_set_bit(index, run->table.waiting))
		run->table.outstanding++;
}

/* Counts a write that took effect at once. */
void lmm_write_direct(struct lmm_run *run, u16 index)
{
	run->counters[LMM_DIRECT]++;
	lmm_write_done(run, index);
}

/* Records that an entry's last write has taken full effect. */
void lmm_write_done(struct lmm_run *run, u16 index)
{
	if (__test_and_clear_bit(index, run->table.waiting))
		run->table.outstanding--;
}

/* Records that all writes have taken full effect. */
void lmm_writes_done(struct lmm_run *run)
{
	bitmap_zero(run->table.waiting, LMM_TABLE_ENTRIES);
	run->table.outstanding = 0;
}

/* Stores 0 and returns the value that get_pte would have returned before. */
u64 lmm_clear_pte(struct lmm_run *run, u16 index)
{
	u64 old = run->program.arch->read(run, index);

	run->program.arch->write(run, index, 0);
	return old;
}

/* Returns true if the last write to the entry has taken full effect, or if there was none. */
bool lmm_touch(const struct lmm_run *run, u16 index)
{
	return !test_bit(index, run->table.waiting);
}

/*
 * Reads an entry as the processor does, through the TLB. If the TLB does not hold the
 * entry, and it is valid in memory, the TLB takes it.
 */
u64 lmm_load(struct lmm_run *run, u16 index)
{
	struct lmm_table *table = &run->table;

	if (test_bit(index, table->cached))
		return table->tlb[index];
	if (lmm_pte_valid(table->memory[index])) {
		__set_bit(index, table->cached);
		table->tlb[index] = table->memory[index];
	}
	return table->memory[index];
}

void lmm_tlb_flush(struct lmm_run *run)
{
	bitmap_zero(run->table.cached, LMM_TABLE_ENTRIES);
}

/* Returns the number of entries that are not 0 in memory. */
unsigned int lmm_table_entries(const struct lmm_run *run)
{
	unsigned int entries = 0;

	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++)
		entries += run->table.memory[i] != 0;
	return entries;
}
