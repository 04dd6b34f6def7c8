// SPDX-License-Identifier: GPL-2.0-only
/* Mutants of the table and its TLB, which are the same in all personalities */
#include <linux/bitops.h>

#include "mutants.h"

static void empties_nothing(struct lmm_run *run)
{
}

static u64 holds_invalid(struct lmm_run *run, u16 index)
{
	u64 value = __real_lmm_load(run, index);

	__set_bit(index, run->table.cached);
	run->table.tlb[index] = value;
	return value;
}

static u64 peeks_by_load(const struct lmm_run *run, u16 index)
{
	return __real_lmm_load((struct lmm_run *)run, index);
}

static void is_newest(struct lmm_run *run, u16 index, u64 value)
{
	run->table.newest[index] = value;
	__real_lmm_store(run, index, value);
}

const struct lmm_mutant lmm_table_mutants[] = {
	M(TLB_FLUSH_EMPTIES_NOTHING, "tlb_flush leaves the TLB as it is", ALL, ALL,
	  .tlb_flush = empties_nothing),
	M(TLB_HOLDS_INVALID, "the TLB holds invalid entries, too", ALL, ALL, .load = holds_invalid),
	M(PEEK_USES_TLB, "peek reads by way of the TLB", ALL, ALL, .peek = peeks_by_load),
	M(LATEST_STORE_IS_LAST_WRITE, "what reaches memory last is taken for the last write",
	  ALL, "s390x x86_64 xen", .store = is_newest),
	{ }
};
