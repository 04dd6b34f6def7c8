// SPDX-License-Identifier: GPL-2.0-only
/*
 * The running kernel's own lazy MMU mode, Linux 7.0 and later: its inline
 * functions from <linux/pgtable.h>, on the task_struct of the scenario's threads.
 * native/asm/pgtable.h tells of the hooks that they call, which are the arch's.
 */
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "lazymmu.h"

/* The hooks know no run; there is one program at a time. */
static struct lmm_run *running;

static const enum lmm_counter hook_counters[] = {
	['e'] = LMM_ARCH_ENTER,
	['l'] = LMM_ARCH_LEAVE,
	['f'] = LMM_ARCH_FLUSH,
};

/**
 * lmm_native_hook() - note that the kernel is about to call an arch hook
 * @letter: the hook's letter
 */
void lmm_native_hook(char letter)
{
	lmm_call_hook(running, hook_counters[(u8)letter], letter);
}

static void lmm_native_enable(struct lmm_run *run)
{
	running = run;
	lazy_mmu_mode_enable();
}

static void lmm_native_disable(struct lmm_run *run)
{
	running = run;
	lazy_mmu_mode_disable();
}

static void lmm_native_pause(struct lmm_run *run)
{
	running = run;
	lazy_mmu_mode_pause();
}

static void lmm_native_resume(struct lmm_run *run)
{
	running = run;
	lazy_mmu_mode_resume();
}

static void lmm_native_pause_task(struct lmm_run *run, struct lmm_task *task)
{
	running = run;
	__task_lazy_mmu_mode_pause(task->thread);
}

static void lmm_native_resume_task(struct lmm_run *run, struct lmm_task *task)
{
	running = run;
	__task_lazy_mmu_mode_resume(task->thread);
}

static void lmm_native_flush(struct lmm_run *run)
{
	running = run;
	arch_flush_lazy_mmu_mode();
}

#ifdef CONFIG_ARM64

/*
 * A kernel entry if it is valid: for others the arch needs no barrier. The table
 * belongs to no address space.
 */
static void lmm_native_write(struct lmm_run *run, u16 index, u64 value)
{
	pte_t *ptep = (pte_t *)&run->table.memory[index];

	if (lmm_pte_valid(value))
		value = (value | PTE_UXN) & ~(u64)PTE_USER;
	__set_pte(ptep, __pte(value));
}

static bool is_pending(struct task_struct *thread)
{
	return test_tsk_thread_flag(thread, TIF_LAZY_MMU_PENDING);
}

#define ARCH_STATE_NAMES	"pending"

#else

/* Bare metal puts nothing off; only Xen's guests have a queue. */
static void lmm_native_write(struct lmm_run *run, u16 index, u64 value)
{
}

static bool is_pending(struct task_struct *thread)
{
	return false;
}

#define ARCH_STATE_NAMES

#endif /* CONFIG_ARM64 */

/* No more than an operation needs that has an answer: nobody sees it. */
static u64 lmm_native_read(const struct lmm_run *run, u16 index)
{
	return 0;
}

static struct lmm_native_state thread_state(struct task_struct *thread)
{
	return (struct lmm_native_state) {
		.enable_count	= thread->lazy_mmu_state.enable_count,
		.pause_count	= thread->lazy_mmu_state.pause_count,
		.pending	= is_pending(thread),
	};
}

static bool lmm_native_active(const struct lmm_task *task)
{
	const struct lmm_native_state *state = &task->state.native;

	if (task->thread == current)
		return is_lazy_mmu_mode_active();
	if (task->thread)
		return !in_interrupt() && __task_lazy_mmu_mode_active(task->thread);
	return state->enable_count > 0 && state->pause_count == 0;
}

static void lmm_native_tell(const struct lmm_task *task, u8 state[LMM_NR_STATE])
{
	struct lmm_native_state native = task->state.native;

	if (task->thread)
		native = thread_state(task->thread);
	state[0] = native.enable_count;
	state[1] = native.pause_count;
	state[2] = native.pending;
}

/* The thread has some way to go, and the mode is nothing that it would expect. */
static void lmm_native_retire(struct lmm_task *task)
{
	task->state.native = thread_state(current);
	memset(&current->lazy_mmu_state, 0, sizeof(current->lazy_mmu_state));
	(arch_flush_lazy_mmu_mode)();
}

static const struct lmm_arch lmm_native_arch = {
	/* In place of the personality of the same name */
	.name	= IS_ENABLED(CONFIG_ARM64) ? "arm64" : "x86_64",
	.write	= lmm_native_write,
	.read	= lmm_native_read,
};

const struct lmm_api lmm_api_native = {
	.name		= "merged/native",
	.state_names	= { "enable_count", "pause_count", ARCH_STATE_NAMES },
	.hooks_only	= true,
	.arch		= &lmm_native_arch,
	.enable		= lmm_native_enable,
	.disable	= lmm_native_disable,
	.pause		= lmm_native_pause,
	.resume		= lmm_native_resume,
	.pause_task	= lmm_native_pause_task,
	.resume_task	= lmm_native_resume_task,
	.active		= lmm_native_active,
	.state		= lmm_native_tell,
	.flush		= lmm_native_flush,
	.retire		= lmm_native_retire,
};
