# SPDX-License-Identifier: GPL-2.0-only
"""Rows for what the kernel itself notices, and for its end.

Sources: kernel/{panic,watchdog,hung_task,exit}.c, kernel/watchdog_{perf,buddy}.c, kernel/rcu/tree_{stall.h,exp.h},
kernel/rcu/tasks.h, kernel/workqueue.c, kernel/sched/core.c, kernel/locking/*.c, kernel/fork.c, mm/{oom_kill,page_alloc,
memory,slub}.c, mm/{kasan,kfence}/report.c, mm/kmsan/report.c, kernel/kcsan/report.c, init/{main,do_mounts}.c.
A module that the kernel refuses ("disagrees about version of symbol") is no finding: whoever loads it is told.
"""

from __future__ import annotations

from functools import partial

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.row import DUMP, LINE, RULED, Extent, Row

_PANIC = r"Kernel panic - not syncing: "
_panic = partial(
    Row, severity=Severity.FATAL, report="panic", extent=Extent(until=r"---\[ end Kernel panic", tail=False)
)
_ruled = partial(Row, report="trap", stages=(2,), weight=4, fault=False)
_LOCKS = (
    "possible|inconsistent lock state|suspicious RCU usage|bad unlock balance|held lock freed|nested lock was not|"
    r"lock held when returning|still (?:had|has) locks held|\S+ -> \S+ lock order detected|bad contention|invalid wait"
)

ROWS = (
    # The end
    _panic("init-killed", _PANIC + r"Attempted to kill (?:init|the idle task)!(?P<what>.*)", "init was killed:{what}"),
    _panic("no-root", _PANIC + r"VFS: Unable to mount root fs on (?P<what>.+)", "no root file system on {what}"),
    _panic("no-init", _PANIC + r"(?P<what>(?:No working init|No init|Requested init)[^.]*)", "{what}"),
    _panic(
        "stack-protector",
        _PANIC + r"stack-protector: Kernel stack is corrupted in: (?P<function>\S+(?: \[\w+\])?)",
        "the kernel's stack is corrupted in {function}",
    ),
    _panic(
        "oom-panic",
        _PANIC + r"(?P<what>(?:Out of memory|System is deadlocked on memory).*)",
        "kernel panic: {what}",
    ),
    _panic("panic", _PANIC + r"(?P<what>.*)", "kernel panic: {what}"),
    # CPUs and tasks that do not come on
    Row(
        "soft-lockup",
        r"(?:NMI )?(?:watchdog: )?BUG: soft lockup - CPU#(?P<cpu>\d+) stuck for \d+s! \[(?P<task>.+?)(?::\d+)?\]",
        "soft lockup on CPU {cpu}{where}, task {task}",
    ),
    Row(
        "hard-lockup",
        r"(?:NMI )?(?:watchdog: )?(?:CPU\d+: )?Watchdog detected hard LOCKUP on cpu ?(?P<cpu>\d+)",
        "hard lockup on CPU {cpu}{where}",
    ),
    Row(
        "rcu-expedited-stall",
        r"(?:rcu: )?INFO: (?P<flavour>\w+) detected expedited stalls on ",
        "RCU stall ({flavour}, expedited){where}",
        report="rcu",
    ),
    Row(
        "rcu-stall",
        r"(?:rcu: )?INFO: (?P<flavour>\w+) (?:self-)?detected stalls? on ",
        "RCU stall ({flavour}){where}",
        report="rcu",
    ),
    Row(
        "rcu-starved",
        r"(?:rcu: )?(?P<flavour>\w+) kthread timer wakeup didn't happen for ",
        "RCU's own thread does not run ({flavour})",
        report="rcu",
        stages=(2,),
        weight=1,
    ),
    Row(
        "rcu-starved",
        r"(?:rcu: )?(?P<flavour>\w+) kthread starved for ",
        "RCU's own thread does not run ({flavour})",
        report="rcu",
        stages=(3,),
        weight=1,
    ),
    Row(
        "hung-task",
        r"INFO: task (?P<task>.+?)(?::\d+)? (?:is )?blocked (?:on \S+ |in I/O wait )?for more than \d+ s",
        "hung task {task}",
    ),
    Row("workqueue-lockup", r"BUG: workqueue lockup - pool (?P<pool>\S+)", "workqueue lockup, pool {pool}"),
    # Memory
    Row(
        "oom-kill",
        r"(?P<task>\S.{0,14}) invoked oom-killer: ",
        "out of memory in task {task}",
        report="oom",
        # Its victim, or that there is none, comes as a line of its own.
        extent=Extent(until=r"oom_reaper: "),
    ),
    Row(
        "oom-kill",
        r"(?:Memory cgroup out|Out) of memory(?: \([^)]{0,40}\))?: Killed process \d+ \((?P<task>[^)]+)\)",
        "out of memory: killed task {task}",
        report="oom",
        stages=(2,),
        weight=3,
        extent=LINE,
    ),
    Row(
        "oom-deadlock",
        r"Out of memory and no killable processes",
        "out of memory, and no process can be killed",
        Severity.FATAL,
        report="oom",
        stages=(2,),
        weight=3,
        extent=LINE,
    ),
    Row(
        "allocation-failure",
        r"(?P<task>[^\s:][^:]{0,14}+): page allocation failure: order:(?P<order>\d+)",
        "page allocation of order {order} failed in task {task}",
        Severity.WARNING,
    ),
    Row("bad-page", r"BUG: Bad page (?P<what>\w+) in process (?P<task>\S+)", "bad page {what} in task {task}"),
    Row("bad-rss", r"BUG: Bad rss-counter state mm:\S+ type:(?P<type>\S+)", "bad rss counter {type}", extent=LINE),
    Row("bad-page-tables", r"BUG: non-zero pgtables_bytes on freeing mm", "page tables left by an mm", extent=LINE),
    Row(
        "slab-corruption",
        r"BUG (?P<cache>\S+) \((?P<taint>[^)]*)\): (?P<what>.+)",
        "slab {cache}: {what}",
        # Since 6.12 with a WARN() behind it, then what was mended.
        report="trap",
        stages=(0,),
        weight=5,
        extent=Extent(until=r"FIX \S+: "),
        fault=False,
    ),
    # Sanitizers
    _ruled("kasan", r"BUG: KASAN: (?P<what>.+)", "KASAN: {what}", extent=RULED),
    _ruled("kfence", r"BUG: KFENCE: (?P<what>.+)", "KFENCE: {what}", extent=RULED),
    _ruled("kcsan", r"BUG: KCSAN: (?P<what>.+)", "KCSAN: {what}", extent=RULED),
    _ruled("kmsan", r"BUG: KMSAN: (?P<what>.+)", "KMSAN: {what}", extent=RULED),
    # Locks and contexts
    _ruled(
        "lockdep", rf"WARNING: (?P<what>(?:{_LOCKS}).*)", "lockdep: {what}", extent=Extent(until=r"\s*stack backtrace:")
    ),
    _ruled("lockdep", r"\[ BUG: (?P<what>[^\]]+) \]", "lockdep: {what}", extent=Extent(until=r"\s*stack backtrace:")),
    Row("atomic-scheduling", r"BUG: scheduling while atomic: (?P<task>.+)/\d+/0x", "scheduling while atomic in {task}"),
    Row(
        "atomic-sleep",
        r"BUG: sleeping function called from invalid context at (?P<place>\S+)",
        "sleeping function called from invalid context at {place}",
    ),
    Row("preemptible", r"BUG: using (?P<what>\S+) in preemptible", "{what} in preemptible code"),
    Row("spinlock", r"BUG: (?P<what>(?:spin|rw)lock .+?) on CPU#\d+", "{what}"),
    Row(
        "machine-check",
        r"(?:mce: )?\[Hardware Error\]: CPU (?P<cpu>\d+): Machine Check",
        "machine check on CPU {cpu}",
        Severity.FATAL,
    ),
    # All that have no row of their own
    Row("kernel-bug", r"BUG: (?P<what>.+)", "{what}", extent=DUMP),
)
