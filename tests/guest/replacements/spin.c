// SPDX-License-Identifier: GPL-2.0-only
/* A flush hook that spins with interrupts off. */
#include <linux/irqflags.h>
#include <linux/processor.h>

void replacement(struct lmm_run *run)
{
	local_irq_disable();
	while (READ_ONCE(run->task))
		cpu_relax();
	local_irq_enable();
}
