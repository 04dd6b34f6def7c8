// SPDX-License-Identifier: GPL-2.0-only
/*
 * The private page table and its TLB: what all personalities have in common.
 * Each write is deferred or direct, and is outstanding until it has taken full
 * effect.
 */
#include <linux/bitmap.h>

#include "lazymmu.h"

/**
 * lmm_pte_valid() - is an entry of this value valid?
 * @value: the value
 *
 * Return: true if it is.
 */
bool lmm_pte_valid(u64 value)
{
	return value & 1;
}

/**
 * lmm_write_deferred() - count a write that takes effect later
 * @run: the run
 * @index: the entry
 */
void lmm_write_deferred(struct lmm_run *run, u16 index)
{
	run->counters[LMM_DEFERRED]++;
	if (!__test_and_set_bit(index, run->table.waiting))
		run->table.outstanding++;
}

/**
 * lmm_write_direct() - count a write that took effect at once
 * @run: the run
 * @index: the entry
 */
void lmm_write_direct(struct lmm_run *run, u16 index)
{
	run->counters[LMM_DIRECT]++;
	lmm_write_done(run, index);
}

/**
 * lmm_write_done() - note that an entry's last write has taken full effect
 * @run: the run
 * @index: the entry
 */
void lmm_write_done(struct lmm_run *run, u16 index)
{
	if (__test_and_clear_bit(index, run->table.waiting))
		run->table.outstanding--;
}

/**
 * lmm_writes_done() - note that all writes have taken full effect
 * @run: the run
 */
void lmm_writes_done(struct lmm_run *run)
{
	bitmap_zero(run->table.waiting, LMM_TABLE_ENTRIES);
	run->table.outstanding = 0;
}

/**
 * lmm_set_pte() - store a value into an entry
 * @run: the run
 * @index: the entry
 * @value: the value
 */
void lmm_set_pte(struct lmm_run *run, u16 index, u64 value)
{
	run->program.arch->write(run, index, value);
}

/**
 * lmm_clear_pte() - store 0 into an entry
 * @run: the run
 * @index: the entry
 *
 * Return: what it was before, as get_pte would have given it.
 */
u64 lmm_clear_pte(struct lmm_run *run, u16 index)
{
	u64 old = run->program.arch->read(run, index);

	run->program.arch->write(run, index, 0);
	return old;
}

/**
 * lmm_touch() - has the last write to an entry taken full effect?
 * @run: the run
 * @index: the entry
 *
 * Return: true if it has, or if there was none.
 */
bool lmm_touch(const struct lmm_run *run, u16 index)
{
	return !test_bit(index, run->table.waiting);
}

/**
 * lmm_load() - give an entry as the processor sees it, through the TLB
 * @run: the run
 * @index: the entry
 *
 * Return: what the TLB holds for it, else what stands in memory, which the TLB
 * holds from now on if it is valid.
 */
u64 lmm_load(struct lmm_run *run, u16 index)
{
	struct lmm_table *table = &run->table;

	if (test_bit(index, table->cached))
		return table->tlb[index];
	if (lmm_pte_valid(table->memory[index]) || LMM_MUTANT(TLB_HOLDS_INVALID)) {
		__set_bit(index, table->cached);
		table->tlb[index] = table->memory[index];
	}
	return table->memory[index];
}

/**
 * lmm_tlb_flush() - empty the TLB
 * @run: the run
 */
void lmm_tlb_flush(struct lmm_run *run)
{
	if (!LMM_MUTANT(TLB_FLUSH_EMPTIES_NOTHING))
		bitmap_zero(run->table.cached, LMM_TABLE_ENTRIES);
}

/**
 * lmm_table_entries() - how many entries in memory are not 0
 * @run: the run
 *
 * Return: their number.
 */
unsigned int lmm_table_entries(const struct lmm_run *run)
{
	unsigned int entries = 0;

	for (unsigned int i = 0; i < LMM_TABLE_ENTRIES; i++)
		entries += run->table.memory[i] != 0;
	return entries;
}
