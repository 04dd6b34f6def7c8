// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality arm64: memory is written at once, and the barrier that a valid
 * entry needs is deferred. A flag of the task (TIF_LAZY_MMU_PENDING) says that a
 * barrier is due. The architecture defines no arch_pause and arch_resume.
 */
#ifdef CONFIG_ARM64
#include <asm/barrier.h>
#endif

#include <linux/bitmap.h>

#include "lazymmu.h"

/* As emit_pte_barriers() in arch/arm64/include/asm/pgtable.h */
static void emit_barriers(void)
{
#ifdef CONFIG_ARM64
	dsb(ishst);
	isb();
#endif
}

static struct lmm_arm64_cpu *this_cpu(struct lmm_run *run)
{
	struct lmm_arm64_cpu *cpus = run->cpus;

	return &cpus[run->task->cpu];
}

/* Serves all writes that wait for a barrier of this CPU. */
void lmm_arm64_serve(struct lmm_run *run)
{
	struct lmm_arm64_cpu *cpu = this_cpu(run);
	unsigned int i;

	for_each_set_bit(i, cpu->owing, LMM_TABLE_ENTRIES)
		lmm_settle(run, i);
	bitmap_zero(cpu->owing, LMM_TABLE_ENTRIES);
}

static void barrier_now(struct lmm_run *run)
{
	emit_barriers();
	run->counters[LMM_ARM64_BARRIERS]++;
	lmm_arm64_serve(run);
}

/* The entry's last write is no longer one that waits for a barrier, of either CPU. */
void lmm_arm64_forget(struct lmm_run *run, u16 index)
{
	struct lmm_arm64_cpu *cpus = run->cpus;

	for (unsigned int i = 0; i < LMM_NR_CPUS; i++)
		if (__test_and_clear_bit(index, cpus[i].owing))
			lmm_settle(run, index);
}

/* Lets an entry's last write, which memory holds, wait for a barrier of this CPU. */
void lmm_arm64_owe(struct lmm_run *run, u16 index)
{
	__set_bit(index, this_cpu(run)->owing);
	lmm_owe(run, index);
}

static void arm64_write(struct lmm_run *run, u16 index, u64 value)
{
	struct lmm_arm64_task *task = run->task->arch;
	bool valid = lmm_pte_valid(value);

	lmm_arm64_forget(run, index);
	lmm_store(run, index, value);
	if (valid && run->program.api->active(run->task)) {
		lmm_write_deferred(run, index, value);
		lmm_arm64_owe(run, index);
		task->pending = true;
		return;
	}
	lmm_write_direct(run, index, value);
	if (valid)
		barrier_now(run);
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

/*
 * The barrier of __switch_to(), which does not look at the flag. All that waits on the
 * CPU was written by the task that leaves it: an earlier one has left, and so served it.
 */
static void arm64_switch_out(struct lmm_run *run)
{
	lmm_arm64_serve(run);
}

static void arm64_fork(const struct lmm_run *run, struct lmm_task *child)
{
	*(struct lmm_arm64_task *)child->arch = *(struct lmm_arm64_task *)run->task->arch;
}

const struct lmm_arch lmm_arch_arm64 = {
	.name		= "arm64",
	.own_counters	= { "barriers" },
	.task_size	= sizeof(struct lmm_arm64_task),
	.cpu_size	= sizeof(struct lmm_arm64_cpu),
	.write		= arm64_write,
	.read		= arm64_read,
	.leave		= arm64_flush,
	.flush		= arm64_flush,
	.switch_out	= arm64_switch_out,
	.fork		= arm64_fork,
};
