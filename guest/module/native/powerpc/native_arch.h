/* SPDX-License-Identifier: GPL-2.0-only */
/* What api_native.c needs to know of powerpc. */
#ifndef _LAZYMMU_NATIVE_ARCH_H
#define _LAZYMMU_NATIVE_ARCH_H

#include <linux/sched.h>

#define NATIVE_STATE_NAMES
#define NATIVE_HOOKS_ONLY	false

static inline bool native_pending(struct task_struct *thread)
{
	return false;
}

#endif /* _LAZYMMU_NATIVE_ARCH_H */
