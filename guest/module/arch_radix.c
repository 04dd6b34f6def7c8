// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality radix: ppc64 with the radix MMU, for which the hooks of the hash MMU
 * return at once (arch/powerpc/include/asm/book3s/64/tlbflush-hash.h). Every write takes
 * effect at once.
 */
#include "lazymmu.h"

static void radix_write(struct lmm_run *run, u16 index, u64 value)
{
	lmm_write_direct(run, index, value);
	lmm_store(run, index, value);
}

static u64 radix_read(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
}

static void radix_hook(struct lmm_run *run)
{
}

const struct lmm_arch lmm_arch_radix = {
	.name	= "radix",
	.write	= radix_write,
	.read	= radix_read,
	.leave	= radix_hook,
	.flush	= radix_hook,
};
