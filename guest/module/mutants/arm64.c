// SPDX-License-Identifier: GPL-2.0-only
/* Mutants of the personality arm64 */
#include <linux/bitmap.h>

#include "mutants.h"

static bool *pending(const struct lmm_run *run)
{
	struct lmm_arm64_task *task = run->task->arch;

	return &task->pending;
}

static void writes_as_if_valid(struct lmm_run *run, u16 index, u64 value)
{
	lmm_real_arch->write(run, index, value | 1);
	run->table.newest[index] = value;
	lmm_store(run, index, value);
}

static void clears_pending_when_direct(struct lmm_run *run, u16 index, u64 value)
{
	lmm_real_arch->write(run, index, value);
	if (lmm_pte_valid(value) && !lmm_real_api->active(run->task))
		*pending(run) = false;
}

static void keeps_pending(struct lmm_run *run)
{
	bool before = *pending(run);

	lmm_real_arch->flush(run);
	*pending(run) = before;
}

static void needs_no_pending(struct lmm_run *run)
{
	*pending(run) = true;
	lmm_real_arch->flush(run);
}

static void serves_both_cpus(struct lmm_run *run)
{
	struct lmm_arm64_cpu *other = (struct lmm_arm64_cpu *)run->cpus + !run->task->cpu;
	unsigned int i;

	if (*pending(run)) {
		for_each_set_bit(i, other->owing, LMM_TABLE_ENTRIES)
			lmm_settle(run, i);
		bitmap_zero(other->owing, LMM_TABLE_ENTRIES);
	}
	lmm_real_arch->flush(run);
}

static void clears_pending(struct lmm_run *run)
{
	*pending(run) = false;
	lmm_real_arch->switch_out(run);
}

static void leaves_pending(struct lmm_run *run)
{
	lmm_mutant_cpu(run)->pending = *pending(run);
	lmm_real_arch->switch_out(run);
}

static void takes_pending(struct lmm_run *run)
{
	*pending(run) = lmm_mutant_cpu(run)->pending;
}

static void serves_nothing(struct lmm_run *run)
{
}

static void copies_nothing(const struct lmm_run *run, struct lmm_task *child)
{
}

const struct lmm_mutant lmm_arm64_mutants[] = {
	M(FORK_COPIES_NO_PENDING, "fork does not copy the pending flag", ALL, "arm64",
	  .arch.fork = copies_nothing),
	M(BARRIER_FOR_INVALID, "an invalid value needs a barrier, too", ALL, "arm64",
	  .arch.write = writes_as_if_valid),
	M(BARRIER_OF_BOTH_CPUS, "a barrier serves the writes of the other CPU, too", ALL, "arm64",
	  .arch.leave = serves_both_cpus, .arch.flush = serves_both_cpus),
	M(PENDING_NOT_CLEARED, "flush does not clear the pending flag", ALL, "arm64",
	  .arch.leave = keeps_pending, .arch.flush = keeps_pending),
	M(PENDING_OF_CPU, "the pending flag is kept by the CPU", ALL, "arm64",
	  .arch.switch_out = leaves_pending, .arch.switch_in = takes_pending),
	M(DIRECT_CLEARS_PENDING, "a direct write's barrier clears the pending flag", ALL, "arm64",
	  .arch.write = clears_pending_when_direct),
	M(FLUSH_WITHOUT_PENDING, "flush issues a barrier that is not due", ALL, "arm64",
	  .arch.leave = needs_no_pending, .arch.flush = needs_no_pending),
	M(SWITCH_CLEARS_PENDING, "leaving the CPU clears the pending flag", ALL, "arm64",
	  .arch.switch_out = clears_pending),
	M(LEAVING_SERVES_NOTHING, "leaving the CPU is no barrier", ALL, "arm64",
	  .arch.switch_out = serves_nothing),
	{ }
};
