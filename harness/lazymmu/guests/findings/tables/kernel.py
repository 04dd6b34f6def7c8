# SPDX-License-Identifier: GPL-2.0-only
"""Panics, CPUs and tasks that make no progress, and memory that is exhausted or corrupt.

Sources: kernel/{panic,exit,fork,watchdog*,hung_task,workqueue}.c, kernel/rcu/{tree_stall,tree_exp,tasks}.h, init/*.c,
mm/{oom_kill,page_alloc,memory,slub,show_mem}.c.
"""

from functools import partial

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.row import LINE, Extent, Row

NAME = "kernel"

_PANIC = r"Kernel panic - not syncing: "
_panic = partial(
    Row, severity=Severity.FATAL, report="panic", extent=Extent(until=r"---\[ end Kernel panic", tail=False)
)
_WATCHDOG = r"(?:NMI )?(?:watchdog: )?"
_rcu = partial(Row, report="rcu")
# A line after "invoked oom-killer" names the victim, or says that there is none.
_oom_result = partial(Row, report="oom", stages=(2,), weight=3, extent=LINE)

ROWS = (
    _panic("init-killed", _PANIC + r"Attempted to kill (?:init|the idle task)!(?P<what>.*)", "init was killed:{what}"),
    _panic("no-root", _PANIC + r"VFS: Unable to mount root fs on (?P<what>.+)", "no root file system on {what}"),
    _panic("no-init", _PANIC + r"(?P<what>(?:No working init|No init|Requested init)[^.]*)", "{what}"),
    _panic(
        "stack-protector",
        _PANIC + r"stack-protector: Kernel stack is corrupted in: (?P<function>\S+(?: \[\w+\])?)",
        "kernel stack is corrupted in {function}",
    ),
    _panic("oom-panic", _PANIC + r"(?P<what>(?:Out of|System is deadlocked on) memory.*)", "kernel panic: {what}"),
    _panic("panic", _PANIC + r"(?P<what>.*)", "kernel panic: {what}", fallback=True),
    Row(
        "soft-lockup",
        _WATCHDOG + r"BUG: soft lockup - CPU#(?P<cpu>\d+) stuck for \d+s! \[(?P<task>.+?)(?::\d+)?\]",
        "soft lockup on CPU {cpu}{where}, task {task}",
    ),
    Row(
        "hard-lockup",
        _WATCHDOG + r"(?:CPU\d+: )?Watchdog detected hard LOCKUP on cpu ?(?P<cpu>\d+)",
        "hard lockup on CPU {cpu}{where}",
    ),
    _rcu(
        "rcu-expedited-stall",
        r"(?:rcu: )?INFO: (?P<flavour>\w+) detected expedited stalls on ",
        "RCU stall ({flavour}, expedited){where}",
    ),
    _rcu("rcu-stall", r"(?:rcu: )?INFO: (?P<what>\w+) (?:self-)?detected stalls? on ", "RCU stall ({what}){where}"),
    # Both lines may follow one stall, in this order.
    _rcu(
        "rcu-starved",
        r"(?:rcu: )?(?P<flavour>\w+) kthread (?:timer wakeup didn't happen|starved) for ",
        "RCU kthread does not run ({flavour})",
        stages=(2, 3),
        weight=1,
    ),
    Row(
        "hung-task",
        r"INFO: task (?P<task>.+?)(?::\d+)? (?:is )?blocked (?:on \S+ |in I/O wait )?for more than \d+ s",
        "hung task {task}",
    ),
    Row("workqueue-lockup", r"BUG: workqueue lockup - pool (?P<pool>\S+)", "workqueue lockup, pool {pool}"),
    Row(
        "oom-kill",
        r"(?P<task>\S.{0,14}) invoked oom-killer: ",
        "out of memory in task {task}",
        report="oom",
        extent=Extent(until=r"oom_reaper: "),
    ),
    _oom_result(
        "oom-kill",
        r"(?:Memory cgroup out|Out) of memory(?: \([^)]{0,40}\))?: Killed process \d+ \((?P<task>[^)]+)\)",
        "out of memory: killed task {task}",
    ),
    _oom_result(
        "oom-deadlock",
        r"Out of memory and no killable processes",
        "out of memory, and no process can be killed",
        Severity.FATAL,
    ),
    Row(
        "allocation-failure",
        r"(?P<task>[^\s:][^:]{0,14}+): page allocation failure: order:(?P<order>\d+)",
        "page allocation of order {order} failed in task {task}",
        Severity.WARNING,
    ),
    Row("bad-page", r"BUG: Bad page (?P<what>\w+) in process (?P<task>\S+)", "bad page {what} in task {task}"),
    Row("bad-rss", r"BUG: Bad rss-counter state mm:\S+ type:(?P<type>\S+)", "bad rss counter {type}", extent=LINE),
    Row("bad-page-tables", r"BUG: non-zero pgtables_bytes on freeing mm", "an mm left page tables", extent=LINE),
    Row(
        "slab-corruption",
        r"BUG (?P<cache>\S+) \([^)]*\): (?P<what>.+)",
        "slab {cache}: {what}",
        # Linux 6.12 and later print a WARN() after it, and then the repair.
        report="trap",
        stages=(0,),
        weight=5,
        extent=Extent(until=r"FIX \S+: "),
        fault=False,
    ),
)

DUMP = (
    r"Kernel Offset: |Rebooting in |Dumping ftrace buffer",
    r'task:|Task dump for|Showing |workqueue |pool \d|CPU#\d|rcu: |blocking rcu|Future hung|"echo 0 > ',
    r"page ?: |page:|aops:|flags: |raw: |head: |page dumped |page_owner |page has ",
    r"Mem-Info:|Node \d|active_anon:|lowmem_reserve|\d+ (?:total )?pages? |Tasks state|oom-kill:|\[ {0,4}\d+\] |DMA",
    r"\d+ total pagecache|Swap cache stats|Free swap|Total swap|\[  pid  \]|Unreclaimable slab|Name  ",
    r"Slab 0x|Object |Redzone |Padding |Bytes b4|Allocated in|Freed in|INFO: Slab |FIX ",
)
PROGRAM_COUNTER = ""
