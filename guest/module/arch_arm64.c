// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality arm64: memory is written at once, and the barrier that a valid
 * entry needs is deferred. A flag of the task (TIF_LAZY_MMU_PENDING) says that a
 * barrier is due. The architecture defines no arch_pause and arch_resume.
 */
#ifdef CONFIG_ARM64
#include <asm/barrier.h>
#endif

#include "lazymmu.h"

#define BARRIERS	LMM_NR_COMMON

/* As emit_pte_barriers() in arch/arm64/include/asm/pgtable.h */
static void emit_barriers(void)
{
#ifdef CONFIG_ARM64
	dsb(ishst);
	isb();
#endif
}

/*
 * The barrier completes all writes deferred on this CPU. There are none on the other
 * CPU, because a task that leaves a CPU completes its own.
 */
static void barrier_now(struct lmm_run *run)
{
	emit_barriers();
	run->counters[BARRIERS]++;
	lmm_writes_done(run);
}

static void arm64_write(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_arm64_task *task = run->task->arch;

	run->table.memory[index] = value;
	if (!lmm_pte_valid(value)) {
		lmm_write_direct(run, index);
	} else if (run->program.api->active(run->task)) {
		lmm_write_deferred(run, index);
		task->pending = true;
	} else {
		lmm_write_direct(run, index);
		barrier_now(run);
	}
}

static u64 arm64_read(const struct lmm_run *run, u16 index)
{
	return run->table.memory[index];
}

static void arm64_flush(struct lmm_run *run)
{
	struct lmm_arm64_task *task = run->task->arch;

	if (!task->pending)
		return;
	barrier_now(run);
	task->pending = false;
}

/* The barrier of __switch_to(), which does not look at the flag */
static void arm64_leave_cpu(struct lmm_run *run)
{
	lmm_writes_done(run);
}

static void arm64_fork(const struct lmm_run *run, struct lmm_task *child)
{
	*(struct lmm_arm64_task *)child->arch = *(struct lmm_arm64_task *)run->task->arch;
}

const struct lmm_arch lmm_arch_arm64 = {
	.name		= "arm64",
	.own_counters	= { "barriers" },
	.task_size	= sizeof(struct lmm_arm64_task),
	.write		= arm64_write,
	.read		= arm64_read,
	.leave		= arm64_flush,
	.flush		= arm64_flush,
	.leave_cpu	= arm64_leave_cpu,
	.fork		= arm64_fork,
};
