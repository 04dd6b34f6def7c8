// SPDX-License-Identifier: GPL-2.0-only
/*
 * The running kernel's own lazy MMU mode, Linux 7.0 and later: the inline functions
 * of <linux/pgtable.h>, called on the task_struct of the scenario's threads. They
 * call the arch's own hooks, which native/asm/pgtable.h reports.
 */
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <xen/xen.h>

#include "lazymmu.h"
#include "native_arch.h"

#ifdef CONFIG_XEN_PV
extern const struct lmm_arch lmm_native_xen;
#endif

/* A copy of the kernel's state, taken at the end of the program */
struct native_state {
	u8 enable_count;
	u8 pause_count;
	bool pending;
};

/* For the hooks, which get no run. Only one program runs at a time. */
static struct lmm_run *running;

static const enum lmm_counter hook_counters[] = {
	['e'] = LMM_ARCH_ENTER,
	['l'] = LMM_ARCH_LEAVE,
	['f'] = LMM_ARCH_FLUSH,
};

/* Records that the kernel is about to call an arch hook. */
void lmm_native_hook(char letter)
{
	lmm_call_hook(running, hook_counters[(u8)letter], letter);
}

#define CALL(operation) \
static void lmm_native_##operation(struct lmm_run *run) \
{ \
	running = run; \
	lazy_mmu_mode_##operation(); \
}

CALL(enable)
CALL(disable)
CALL(pause)
CALL(resume)

#define TASK_CALL(operation) \
static void lmm_native_##operation##_task(struct lmm_run *run, struct lmm_task *task) \
{ \
	running = run; \
	__task_lazy_mmu_mode_##operation(task->thread); \
}

TASK_CALL(pause)
TASK_CALL(resume)

static void lmm_native_flush(struct lmm_run *run)
{
	running = run;
	arch_flush_lazy_mmu_mode();
}

static void lmm_native_write(struct lmm_run *run, u16 index, u64 value)
{
	native_write(&run->table.memory[index], value);
}

/* Answers are not part of a native report. */
static u64 lmm_native_read(const struct lmm_run *run, u16 index)
{
	return 0;
}

static struct native_state thread_state(struct task_struct *thread)
{
	return (struct native_state) {
		.enable_count	= thread->lazy_mmu_state.enable_count,
		.pause_count	= thread->lazy_mmu_state.pause_count,
		.pending	= native_pending(thread),
	};
}

static bool lmm_native_active(const struct lmm_task *task)
{
	const struct native_state *state = task->state;

	if (task->thread == current)
		return is_lazy_mmu_mode_active();
	if (task->thread)
		return !in_interrupt() && __task_lazy_mmu_mode_active(task->thread);
	return state->enable_count > 0 && state->pause_count == 0;
}

static void lmm_native_tell(const struct lmm_task *task, u8 state[LMM_NR_STATE])
{
	struct native_state native = *(const struct native_state *)task->state;

	if (task->thread)
		native = thread_state(task->thread);
	state[0] = native.enable_count;
	state[1] = native.pause_count;
	state[2] = native.pending;
}

/* The report comes after the task's thread has ended. */
static void lmm_native_keep(struct lmm_task *task)
{
	*(struct native_state *)task->state = thread_state(task->thread);
}

/* The kernel must not end the thread inside a section of the scenario. */
static void lmm_native_retire(struct lmm_task *task)
{
	memset(&current->lazy_mmu_state, 0, sizeof(current->lazy_mmu_state));
	(arch_flush_lazy_mmu_mode)();
}

/* Replaces the personality of the same name */
static const struct lmm_arch lmm_native_arch = {
	.name	= NATIVE_NAME,
	.write	= lmm_native_write,
	.read	= lmm_native_read,
};

#define NATIVE_API(_name, _arch) \
	.name		= _name, \
	.state_names	= { "enable_count", "pause_count", NATIVE_STATE_NAMES }, \
	.state_size	= sizeof(struct native_state), \
	.arch		= _arch, \
	.enable		= lmm_native_enable, \
	.disable	= lmm_native_disable, \
	.pause		= lmm_native_pause, \
	.resume		= lmm_native_resume, \
	.pause_task	= lmm_native_pause_task, \
	.resume_task	= lmm_native_resume_task, \
	.active		= lmm_native_active, \
	.get_state	= lmm_native_tell, \
	.flush		= lmm_native_flush, \
	.keep		= lmm_native_keep, \
	.retire		= lmm_native_retire

#ifdef CONFIG_XEN_PV
static bool is_xen(void)
{
	return xen_pv_domain();
}

static bool is_bare(void)
{
	return !xen_pv_domain();
}

/*
 * Linux 7.0 to 7.3 never accounts, in a new task, for the pause that its first switch-in
 * takes back: the pause_count of every task is 255. Here it begins with 0, as it should.
 */
static void lmm_native_repair(struct lmm_task *task)
{
	current->lazy_mmu_state.pause_count = 0;
}
#endif

const struct lmm_api lmm_api_native[] = {
#ifdef CONFIG_XEN_PV
	{
		NATIVE_API("merged/native", &lmm_native_xen),
		.checks_unseen	= true,
		.here		= is_xen,
	},
	{
		NATIVE_API("merged/native-repaired", &lmm_native_xen),
		.checks_unseen	= true,
		.here		= is_xen,
		.arise		= lmm_native_repair,
	},
	{
		NATIVE_API("merged/native", &lmm_native_arch),
		.hooks_only	= true,
		.here		= is_bare,
	},
#else
	{
		NATIVE_API("merged/native", &lmm_native_arch),
		.hooks_only	= true,
	},
#endif
	{ }
};
