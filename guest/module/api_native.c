// SPDX-License-Identifier: GPL-2.0-only
/*
 * The running kernel's own lazy MMU mode, Linux 7.0 and later: the inline functions
 * of <linux/pgtable.h>, called on the task_struct of the scenario's threads. They
 * call the arch's own hooks, which native/asm/pgtable.h reports.
 */
#include <linux/bits.h>
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/kmsg_dump.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <xen/xen.h>

#include "lazymmu.h"
#include "native.h"
#include "native_arch.h"

/* On Xen, tracepoints tell what the kernel does with a write (native_xen.c). */
#if defined(CONFIG_XEN_PV) && defined(CONFIG_TRACEPOINTS)
#define OBSERVES_XEN
#endif

/* The kernel's own checks, if its configuration has none */
#define UNSEEN_WARNINGS	(IS_ENABLED(CONFIG_DEBUG_VM) ? 0 : BIT(LMM_WARNINGS))
#define UNSEEN_SLEEPS	(IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) ? 0 : BIT(LMM_ATOMIC_SLEEPS))
#define UNSEEN_TABLE	(NATIVE_HOOKS_ONLY ? BIT(LMM_DEFERRED) | BIT(LMM_DIRECT) : 0)

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

/*
 * Counts the warnings of the kernel's inline functions (VM_WARN_ON_ONCE) since the last
 * call. The functions are compiled here, so the marks of those that came are this module's.
 * Without its mark a warning can come again.
 */
void lmm_native_observe(struct lmm_run *run)
{
#ifdef CONFIG_DEBUG_VM
	for (unsigned int i = 0; i < THIS_MODULE->num_bugs; i++) {
		struct bug_entry *bug = &THIS_MODULE->bug_table[i];

		if (!(bug->flags & BUGFLAG_DONE))
			continue;
		bug->flags &= ~BUGFLAG_DONE;
		run->counters[LMM_WARNINGS]++;
	}
#endif
}

/* Records that a hook turns preemption off, or on if @by is negative (native/asm/book3s). */
void lmm_native_preempt(int by)
{
	running->task->hold += by;
}

/*
 * Counts the kernel's complaint, which the log then has. It complains once a second, so
 * only the first complaint of a run is certain to come.
 */
static void lmm_native_check_sleep(struct lmm_run *run)
{
	/* How often the module itself has turned preemption off, less what hooks did */
	int own = (run->standby.task == run->task) + run->task->stays - run->task->hold;
	struct kmsg_dump_iter log;
	char line[256];
	size_t len;

	kmsg_dump_rewind(&log);
	log.cur_seq = log.next_seq;
	__might_resched(__FILE__, __LINE__, own);
	while (kmsg_dump_get_line(&log, false, line, sizeof(line), &len))
		if (strnstr(line, "sleeping function called", len))
			run->counters[LMM_ATOMIC_SLEEPS] = 1;
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

#define BARE_API(_arch) \
	NATIVE_API("merged/native", _arch), \
	.hooks_only	= NATIVE_HOOKS_ONLY, \
	.unseen		= UNSEEN_WARNINGS | UNSEEN_SLEEPS | UNSEEN_TABLE, \
	.check_sleep	= lmm_native_check_sleep

/* The warnings at a switch are in the kernel's own code. */
#define XEN_API(_name) \
	NATIVE_API(_name, &lmm_native_xen), \
	.unseen		= BIT(LMM_WARNINGS) | BIT(LMM_ATOMIC_SLEEPS), \
	.here		= is_xen

#ifdef CONFIG_XEN_PV
static bool is_bare(void)
{
	return !xen_pv_domain();
}
#endif

#ifdef CONFIG_PPC64
static bool is_hash(void)
{
	return !radix_enabled();
}

static bool is_radix(void)
{
	return radix_enabled();
}
#endif

#ifdef OBSERVES_XEN
static bool is_xen(void)
{
	return xen_pv_domain();
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
#ifdef OBSERVES_XEN
	{ XEN_API("merged/native") },
	{ XEN_API("merged/native-repaired"), .arise = lmm_native_repair },
#endif
#if defined(CONFIG_XEN_PV)
	{ BARE_API(&lmm_native_arch), .here = is_bare },
#elif defined(CONFIG_PPC64)
	{ BARE_API(&lmm_native_hash), .here = is_hash },
	{ BARE_API(&lmm_native_radix), .here = is_radix },
#else
	{ BARE_API(&lmm_native_arch) },
#endif
	{ }
};
