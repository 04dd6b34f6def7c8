// SPDX-License-Identifier: GPL-2.0-only
/* The personality x86_64: no arch_pause and arch_resume of its own. */
#include "lazymmu.h"

const struct lmm_arch lmm_arch_x86_64 = {
	.name		= "x86_64",
	.own_counters	= { "multicalls", "updates" },
};
