// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality s390x. It alone defines arch_pause and arch_resume: what was
 * given to enable_with_ptes() must outlive a pause, and resume's caller does not
 * know it.
 */
#include "lazymmu.h"

const struct lmm_arch lmm_arch_s390x = {
	.name		= "s390x",
	.has_pause	= true,
	.own_counters	= { "iptes", "ipte_entries" },
};
