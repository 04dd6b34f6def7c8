// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality arm64: memory is written at once, and what is put off is the
 * barrier that a valid entry needs. A flag of the task (TIF_LAZY_MMU_PENDING)
 * says that one is due. No arch_pause and arch_resume of its own.
 */
#ifdef CONFIG_ARM64
#include <asm/barrier.h>
#endif

#include "lazymmu.h"

#define BARRIERS	LMM_NR_COMMON

/* As emit_pte_barriers() of arch/arm64/include/asm/pgtable.h */
static void emit_barriers(void)
{
#ifdef CONFIG_ARM64
	dsb(ishst);
	isb();
#endif
}

/*
 * It serves all that was deferred on this CPU. Nothing is on the other one: who
 * leaves a CPU leaves nothing behind.
 */
static void barrier_now(struct lmm_run *run)
{
	emit_barriers();
	run->counters[BARRIERS]++;
	lmm_writes_done(run);
}

static void arm64_write(struct lmm_run *run, u16 index, u64 value)
{
	run->table.memory[index] = value;
	if (!lmm_pte_valid(value) && !LMM_MUTANT(BARRIER_FOR_INVALID)) {
		lmm_write_direct(run, index);
	} else if (run->program.api->active(run->task)) {
		lmm_write_deferred(run, index);
		run->task->arm64.pending = true;
	} else {
		lmm_write_direct(run, index);
		barrier_now(run);
		if (LMM_MUTANT(DIRECT_CLEARS_PENDING))
			run->task->arm64.pending = false;
	}
}

static u64 arm64_read(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
}

static void arm64_flush(struct lmm_run *run)
{
	if (!run->task->arm64.pending && !LMM_MUTANT(FLUSH_WITHOUT_PENDING))
		return;
	barrier_now(run);
	if (!LMM_MUTANT(PENDING_NOT_CLEARED))
		run->task->arm64.pending = false;
}

/* The barrier of __switch_to(), which knows nothing of the flag */
static void arm64_leave_cpu(struct lmm_run *run)
{
	if (LMM_MUTANT(SWITCH_CLEARS_PENDING))
		run->task->arm64.pending = false;
	if (!LMM_MUTANT(LEAVING_SERVES_NOTHING))
		lmm_writes_done(run);
}

static void arm64_fork(const struct lmm_run *run, struct lmm_task *child)
{
	if (!LMM_MUTANT(FORK_COPIES_NO_PENDING))
		child->arm64.pending = run->task->arm64.pending;
}

const struct lmm_arch lmm_arch_arm64 = {
	.name		= "arm64",
	.own_counters	= { "barriers" },
	.write		= arm64_write,
	.read		= arm64_read,
	.leave		= arm64_flush,
	.flush		= arm64_flush,
	.leave_cpu	= arm64_leave_cpu,
	.fork		= arm64_fork,
};
