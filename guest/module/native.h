/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the running kernel's own implementation share. */
#ifndef _LAZYMMU_NATIVE_H
#define _LAZYMMU_NATIVE_H

struct lmm_arch;
struct lmm_run;

/* native_*.c */
extern const struct lmm_arch lmm_native_arch;
extern const struct lmm_arch lmm_native_xen;
extern const struct lmm_arch lmm_native_hash;
extern const struct lmm_arch lmm_native_radix;

/* api_native.c */
void lmm_native_observe(struct lmm_run *run);

#endif /* _LAZYMMU_NATIVE_H */
