// SPDX-License-Identifier: GPL-2.0-only
/* The personality arm64: no arch_pause and arch_resume of its own. */
#include "lazymmu.h"

const struct lmm_arch lmm_arch_arm64 = {
	.name		= "arm64",
	.own_counters	= { "barriers" },
};
