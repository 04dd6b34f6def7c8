// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does one thing that kills, stops or confuses a guest, chosen by the
 * parameter "fault", so that tests see what its console says of it.
 *
 * A fault runs in a kernel thread of its own, bound to CPU 1 where there is
 * one, and the load waits for the thread's end. So a thread that dies leaves
 * init alive. The load then fails with ECANCELED: the module never stays, and
 * can be loaded again with another fault.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kfence.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nmi.h>
#include <linux/panic.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/umh.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

static char *fault = "";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "What to do, by a name of the table in faults.c");

/* Read and written so that the compiler cannot know what the faults do. */
static volatile int zero;
static volatile unsigned long sink;

static void fault_panic(void)
{
	panic("asked for by the fault module");
}

static void fault_oops(void)
{
	*(volatile int *)(unsigned long)zero = 1;
}

/* An address of the kernel's half that nothing is mapped at any more. */
static void fault_bad_address(void)
{
	volatile char *page = vmalloc(PAGE_SIZE);

	if (!page)
		return;
	vfree((void *)page);
	*page = 1;
}

/* An address that no architecture's tables can hold. */
static void fault_wild_address(void)
{
	sink = *(volatile unsigned long *)(0xdead000000001000UL + zero);
}

static void fault_bug(void)
{
	BUG();
}

static void fault_warn(void)
{
	WARN(1, "the fault module was asked for a warning, %d\n", zero);
}

static void fault_warn_plain(void)
{
	WARN_ON(!zero);
}

static void fault_warn_once(void)
{
	int i;

	for (i = 0; i < 3; i++)
		WARN_ONCE(1, "the fault module warns once\n");
}

static void fault_soft_lockup(void)
{
	preempt_disable();
	while (!zero)
		cpu_relax();
}

/* Nobody stalls who is not waited for. */
static int wait_for_rcu(void *expedited)
{
	if (expedited)
		synchronize_rcu_expedited();
	else
		synchronize_rcu();
	return 0;
}

static void want_grace_period(bool expedited)
{
	kthread_run(wait_for_rcu, expedited ? &fault : NULL, "faults/rcu");
}

static void fault_hard_lockup(void)
{
	want_grace_period(false);
	local_irq_disable();
	while (!zero)
		cpu_relax();
}

static void stall_rcu(bool expedited)
{
	want_grace_period(expedited);
	rcu_read_lock();
	preempt_disable();
	while (!zero) {
		touch_softlockup_watchdog();
		cpu_relax();
	}
}

static void fault_rcu_stall(void)
{
	stall_rcu(false);
}

static void fault_rcu_expedited_stall(void)
{
	stall_rcu(true);
}

static void fault_hung_task(void)
{
	/* kthread_stop() wakes whatever state it is in. */
	while (!zero) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
}

/* A second agent is what the OOM killer may kill; init is spared. */
static void fault_oom(void)
{
	static char *argv[] = { "/init", NULL };
	static char *envp[] = { NULL };

	call_usermodehelper(argv[0], argv, envp, UMH_WAIT_EXEC);
	while (alloc_page(GFP_KERNEL))
		;
}

static noinline unsigned long deeper(unsigned long depth)
{
	volatile unsigned long frame[32];

	frame[depth % 32] = depth;
	if (zero)
		return depth;
	return deeper(depth + 1) + frame[depth % 32];
}

static void fault_stack_overflow(void)
{
	sink = deeper(0);
}

/* Traps where the CPU does; arm64 gives 0. */
static void fault_divide(void)
{
	sink = sink / (unsigned long)zero;
}

static void fault_illegal(void)
{
#if defined(CONFIG_X86)
	asm volatile("ud2");
#elif defined(CONFIG_ARM64)
	asm volatile(".inst 0x00000000");
#elif defined(CONFIG_S390)
	asm volatile(".short 0x0000");
#endif
}

/* A stack that is not there when the CPU wants to push a first exception. */
static void fault_double_fault(void)
{
#if defined(CONFIG_X86)
	asm volatile("mov $0x1000, %%rsp\n\t"
		     "push %%rax" : : : "memory");
#endif
}

static void fault_specification(void)
{
#if defined(CONFIG_S390)
	/* DLGR with an odd first register */
	asm volatile(".insn rre,0xb9870000,%%r1,%%r2" : : : "1", "2", "cc");
#endif
}

static void fault_addressing(void)
{
#if defined(CONFIG_S390)
	/* Store to a real address far behind the memory's end */
	asm volatile("stura %0,%1" : : "d" (0UL), "a" (1UL << 50) : "memory");
#endif
}

static void fault_sleep_in_atomic(void)
{
	local_bh_disable();
	might_sleep();
	local_bh_enable();
}

static void fault_scheduling_while_atomic(void)
{
	local_bh_disable();
	schedule_timeout_uninterruptible(1);
	local_bh_enable();
}

static void fault_list_corruption(void)
{
	static LIST_HEAD(head);
	static struct list_head entry;

	list_add(&entry, &head);
	list_del(&entry);
	list_del(&entry);
}

static void fault_refcount(void)
{
	refcount_t count = REFCOUNT_INIT(0);

	refcount_inc(&count);
}

static noinline void smash(unsigned long len)
{
	char small[16];
	volatile char *at = small;

	while (len--)
		at[len] = 0x41;
	sink = at[zero];
}

static void fault_stack_protector(void)
{
	smash(sizeof(long) * 8);
}

static void fault_fortify(void)
{
	char small[8], big[32] = "";

	memcpy(small, big, 32 + zero);
	sink = small[zero];
}

static void fault_usercopy(void)
{
	char *small = kmalloc(16, GFP_KERNEL);

	if (!small)
		return;
	check_object_size(small, 64 + zero, true);
	kfree(small);
}

/* Takes objects until one comes from KFENCE's pool. */
static char *fenced(void)
{
	unsigned long end = jiffies + 20 * HZ;

	while (time_before(jiffies, end)) {
		char *object = kmalloc(64, GFP_KERNEL);

		if (!object || is_kfence_address(object))
			return object;
		kfree(object);
		cond_resched();
	}
	pr_notice("no object came from KFENCE's pool\n");
	return NULL;
}

static void fault_kfence(void)
{
	volatile char *object = fenced();

	if (!object)
		return;
	kfree((void *)object);
	sink = object[8];
}

/* Needs slub_debug=FZ. */
static void fault_slab(void)
{
	volatile char *object = kmalloc(64, GFP_KERNEL);

	if (!object)
		return;
	object[64 + zero] = 0x41;
	kfree((void *)object);
}

/* Needs page_poison=1, or a kernel that checks pages always. */
static void fault_bad_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return;
	page->mapping = (void *)0x1000;
	__free_page(page);
}

static void fault_allocation(void)
{
	while (alloc_pages(GFP_ATOMIC, 0))
		;
}

static void fault_oops_irqs_off(void)
{
	local_irq_disable();
	fault_oops();
}

/* Init's own: these run in the process that loads. */

static void fault_init_killed(void)
{
	force_sig(SIGSEGV);
}

static void fault_idle(void)
{
	DECLARE_WAIT_QUEUE_HEAD_ONSTACK(never);

	wait_event_interruptible(never, zero);
}

static const struct {
	const char *name;
	void (*run)(void);
	bool in_init;
} faults[] = {
	{ "panic", fault_panic },
	{ "oops", fault_oops },
	{ "bad_address", fault_bad_address },
	{ "wild_address", fault_wild_address },
	{ "bug", fault_bug },
	{ "warn", fault_warn },
	{ "warn_plain", fault_warn_plain },
	{ "warn_once", fault_warn_once },
	{ "soft_lockup", fault_soft_lockup },
	{ "hard_lockup", fault_hard_lockup },
	{ "rcu_stall", fault_rcu_stall },
	{ "rcu_expedited_stall", fault_rcu_expedited_stall },
	{ "hung_task", fault_hung_task },
	{ "oom", fault_oom },
	{ "stack_overflow", fault_stack_overflow },
	{ "divide", fault_divide },
	{ "illegal", fault_illegal },
	{ "double_fault", fault_double_fault },
	{ "specification", fault_specification },
	{ "addressing", fault_addressing },
	{ "sleep_in_atomic", fault_sleep_in_atomic },
	{ "scheduling_while_atomic", fault_scheduling_while_atomic },
	{ "list_corruption", fault_list_corruption },
	{ "refcount", fault_refcount },
	{ "stack_protector", fault_stack_protector },
	{ "fortify", fault_fortify },
	{ "usercopy", fault_usercopy },
	{ "kfence", fault_kfence },
	{ "slab", fault_slab },
	{ "bad_page", fault_bad_page },
	{ "allocation", fault_allocation },
	{ "init_killed", fault_init_killed, true },
	{ "init_oops", fault_oops, true },
	{ "oops_irqs_off", fault_oops_irqs_off },
	{ "idle", fault_idle, true },
	{ "spin", fault_soft_lockup, true },
	{ "spin_irqs_off", fault_hard_lockup, true },
};

static DECLARE_COMPLETION(started);

static int thread(void *data)
{
	void (*run)(void) = data;

	complete(&started);
	run();
	/* kthread_stop() may only be called for a thread that has not ended by itself. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static int run_in_thread(const char *name, void (*run)(void))
{
	struct task_struct *task;

	task = kthread_create(thread, run, "faults/%s", name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (num_online_cpus() > 1)
		kthread_bind(task, 1);
	/* The thread may die of its fault, and is still asked for its end. */
	get_task_struct(task);
	wake_up_process(task);
	/* A thread that is stopped before it ran never runs. */
	wait_for_completion(&started);
	kthread_stop(task);
	put_task_struct(task);
	return 0;
}

static int __init faults_init(void)
{
	int err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (strcmp(fault, faults[i].name))
			continue;
		pr_notice("%s\n", fault);
		if (faults[i].in_init) {
			faults[i].run();
			return -ECANCELED;
		}
		err = run_in_thread(faults[i].name, faults[i].run);
		return err ?: -ECANCELED;
	}
	pr_err("no fault \"%s\"\n", fault);
	return -EINVAL;
}
module_init(faults_init);

MODULE_DESCRIPTION("Faults on request, for tests of what the harness makes of them");
MODULE_LICENSE("GPL");
