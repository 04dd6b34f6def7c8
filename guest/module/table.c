// SPDX-License-Identifier: GPL-2.0-only
/*
 * The private page table and its TLB, common to all personalities. A write is either
 * deferred or direct. Its entry is outstanding as long as memory does not hold the value
 * of the last write, or something still waits: an update, a slot, a flush or a barrier.
 */
#include <linux/bitmap.h>

#include "lazymmu.h"

bool lmm_pte_valid(u64 value)
{
	return value & 1;
}

/*
 * Finds out whether an entry is outstanding: memory does not hold its newest value, or
 * something waits.
 */
static void update(struct lmm_table *table, u16 index)
{
	bool waits = table->owed[index] || table->memory[index] != table->newest[index];

	if (waits == test_bit(index, table->waiting))
		return;
	__change_bit(index, table->waiting);
	table->outstanding += waits ? 1 : -1;
}

/* Counts a write that takes effect later. */
void lmm_write_deferred(struct lmm_run *run, u16 index, u64 value)
{
	run->counters[LMM_DEFERRED]++;
	run->table.newest[index] = value;
	update(&run->table, index);
}

/* Counts a write that takes effect at once. */
void lmm_write_direct(struct lmm_run *run, u16 index, u64 value)
{
	run->counters[LMM_DIRECT]++;
	run->table.newest[index] = value;
	update(&run->table, index);
}

/* Stores a value into memory. */
void lmm_store(struct lmm_run *run, u16 index, u64 value)
{
	run->table.memory[index] = value;
	update(&run->table, index);
}

/* Records that something waits for an entry, until lmm_settle() says that it came. */
void lmm_owe(struct lmm_run *run, u16 index)
{
	run->table.owed[index]++;
	update(&run->table, index);
}

void lmm_settle(struct lmm_run *run, u16 index)
{
	run->table.owed[index]--;
	update(&run->table, index);
}

/* Stores 0 and returns the value that get_pte would have returned before. */
u64 lmm_clear_pte(struct lmm_run *run, u16 index)
{
	u64 old = run->program.arch->read(run, index);

	run->program.arch->write(run, index, 0);
	return old;
}

/* Returns true if memory holds the entry's newest value, and nothing waits. */
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

/* Reads an entry as it is in memory. */
u64 lmm_peek(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
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
