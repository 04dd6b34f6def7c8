/* SPDX-License-Identifier: GPL-2.0-only */
/* What api_native.c needs to know of arm64. */
#ifndef _LAZYMMU_NATIVE_ARCH_H
#define _LAZYMMU_NATIVE_ARCH_H

#include <linux/pgtable.h>
#include <linux/sched.h>

#define NATIVE_NAME		"arm64"
#define NATIVE_STATE_NAMES	"pending"

/*
 * Writes a kernel entry if @value is valid: the kernel issues no barrier for other
 * entries. The table belongs to no address space.
 */
static inline void native_write(u64 *entry, u64 value)
{
	if (value & 1)
		value = (value | PTE_UXN) & ~(u64)PTE_USER;
	__set_pte((pte_t *)entry, __pte(value));
}

static inline bool native_pending(struct task_struct *thread)
{
	return test_tsk_thread_flag(thread, TIF_LAZY_MMU_PENDING);
}

#endif /* _LAZYMMU_NATIVE_ARCH_H */
