/* SPDX-License-Identifier: GPL-2.0-only */
/* What api_native.c needs to know of x86_64. */
#ifndef _LAZYMMU_NATIVE_ARCH_H
#define _LAZYMMU_NATIVE_ARCH_H

#include <linux/sched.h>

#define NATIVE_NAME		"x86_64"
#define NATIVE_STATE_NAMES

/* Bare metal defers nothing: only Xen's guests have a queue. */
static inline void native_write(u64 *entry, u64 value)
{
}

static inline bool native_pending(struct task_struct *thread)
{
	return false;
}

#endif /* _LAZYMMU_NATIVE_ARCH_H */
