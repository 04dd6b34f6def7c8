/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands before the kernel's own <asm/pgtable.h> for api_native.c: the kernel's
 * inline functions in <linux/pgtable.h> then call the arch's hooks by way of
 * lmm_native_hook(). A macro does not expand itself, so the hook behind it is
 * the arch's.
 */
#include_next <asm/pgtable.h>

#ifndef _LAZYMMU_NATIVE_PGTABLE_H
#define _LAZYMMU_NATIVE_PGTABLE_H

void lmm_native_hook(char letter);

#define arch_enter_lazy_mmu_mode() \
	do { lmm_native_hook('e'); arch_enter_lazy_mmu_mode(); } while (0)
#define arch_leave_lazy_mmu_mode() \
	do { lmm_native_hook('l'); arch_leave_lazy_mmu_mode(); } while (0)
#define arch_flush_lazy_mmu_mode() \
	do { lmm_native_hook('f'); arch_flush_lazy_mmu_mode(); } while (0)

#endif /* _LAZYMMU_NATIVE_PGTABLE_H */
