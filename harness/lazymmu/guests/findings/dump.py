# SPDX-License-Identifier: GPL-2.0-only
"""Lines that say where the kernel was, and not what went wrong: registers, stacks, modules."""

from __future__ import annotations

import re

_STARTS = (
    # Indented lines go on with what stands above them; s390x puts the callers it is not sure of into brackets.
    r"\s|\(?\[<",
    # All architectures (kernel/panic.c, lib/dump_stack.c, kernel/printk/printk.c, kernel/sched/core.c)
    r"Modules linked in:|last unloaded:|CPU: ?\d|Tainted: |Hardware name: |Workqueue: |Call [Tt]race:|Code: |Stack:",
    r"</?[A-Z]{2,16}>|---\[ end |note: |Kernel Offset: |Rebooting in |Dumping ftrace buffer|Stopper: |SMP: ",
    r"task:|\w* ?[Bb]acktrace|Sending NMI|NMI backtrace|Task dump for|Showing |workqueue |pool \d|CPU#\d|rcu: |#\d+: ",
    r"blocking rcu|irq event stamp: |(?:hard|soft)irqs last |\d+ locks? held by |no locks held by |mce: |caller is ",
    r"in_atomic\(\): |preempt_count: |RCU nest depth: |Preemption disabled at:|INFO: lockdep is turned off|Future hung",
    r'"echo 0 > |[0-9a-f]{16}: ',
    r"page ?: |page:|aops:|flags: |raw: |head: |page dumped |page_owner |page has |Disabling lock debugging|Kthread ",
    # Memory (mm/show_mem.c, mm/oom_kill.c, mm/slub.c)
    r"Mem-Info:|Node \d|active_anon:|lowmem_reserve|\d+ (?:total )?pages? |Tasks state|oom-kill:|\[ {0,4}\d+\] |DMA",
    r"\d+ total pagecache|Swap cache stats|Free swap|Total swap|\[  pid  \]|Unreclaimable slab|Name  ",
    r"Slab 0x|Object |Redzone |Padding |Bytes b4|Allocated in|Freed in|INFO: Slab |FIX ",
    # x86 (arch/x86/kernel/{dumpstack,process_64}.c, arch/x86/mm/fault.c)
    r"RIP: |[RE](?:[A-D]X|[SD]I|[SB]P|IP): |R\d\d: |[C-GS]S: |CR\d: |DR\d: |PKRU: |ORIG_RAX: |EFLAGS: |#PF: |PGD |BAD$",
    r"KASAN: |kernel tried to execute |unable to execute userspace ",
    # arm64 (arch/arm64/kernel/process.c, arch/arm64/mm/fault.c, arch/arm64/kernel/setup.c)
    r"pstate: |[pl][cr] : |sp : |x\d+ ?: |Mem abort info:|Data abort info:|(?:user|swapper) pgtable: |\[[0-9a-f]{16}\]",
    r"PHYS_OFFSET: |CPU features: |Memory Limit: |pmr_save: |ESR: |FAR: |(?:Task|IRQ|Overflow) stack: ",
    # s390x (arch/s390/kernel/dumpstack.c, arch/s390/mm/fault.c)
    r"Krnl |User |Last Breaking-Event-Address:|AS:|Fault in |Failing address: |Low-address",
)
_DUMP = re.compile("|".join(_STARTS))

# Where the registers say that the CPU was: x86, arm64, s390x. The first one of a report counts.
_WHERE = re.compile(
    r"(?:RIP: \w+:|pc : |Krnl PSW : \w+ \w+ \()"
    r"(?P<function>[A-Za-z_][\w.$]*)\+0x[0-9a-f]+/0x[0-9a-f]+(?P<module> \[\w+\])?"
)


def is_dump(record: str) -> bool:
    """Return whether a record says where the kernel was; an empty one does, too."""
    return not record or _DUMP.match(record) is not None


def where(record: str) -> str:
    """Return the function, with its module in brackets, that a register line names; empty when it names none."""
    found = _WHERE.match(record)
    return f"{found['function']}{found['module'] or ''}" if found else ""
