/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of the native implementation include this one in place of the kernel's
 * <asm/pgtable.h>. It makes the inline functions of <linux/pgtable.h> report each call of
 * an arch hook to lmm_native_hook(). The call in each macro is the arch's own function or
 * macro, because the preprocessor expands no macro inside itself.
 *
 * The barriers of arm64's inline functions are the kernel's, and reported, too.
 */
#ifdef CONFIG_ARM64
#include <asm/barrier.h>

void lmm_native_barrier(void);

#undef dsb
#define dsb(opt) \
	do { asm volatile("dsb " #opt : : : "memory"); lmm_native_barrier(); } while (0)
#endif

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
