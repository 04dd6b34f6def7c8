/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files of the native implementation include this one in place of the kernel's, which
 * has the arch hooks. The kernel does not export the batch of each CPU to modules, so here
 * it is the one that native_powerpc.c has found. Threads of a program have preemption off
 * anyway: that a hook turns it off or on is counted.
 */
#include <linux/percpu.h>
#include <linux/preempt.h>

struct ppc64_tlb_batch *lmm_native_batch(void);
void lmm_native_preempt(int by);

#pragma push_macro("this_cpu_ptr")
#pragma push_macro("preempt_disable")
#pragma push_macro("preempt_enable")
#undef this_cpu_ptr
#undef preempt_disable
#undef preempt_enable
#define this_cpu_ptr(variable)	lmm_native_batch()
#define preempt_disable()	lmm_native_preempt(1)
#define preempt_enable()	lmm_native_preempt(-1)

#include_next <asm/book3s/64/tlbflush-hash.h>

#pragma pop_macro("this_cpu_ptr")
#pragma pop_macro("preempt_disable")
#pragma pop_macro("preempt_enable")
