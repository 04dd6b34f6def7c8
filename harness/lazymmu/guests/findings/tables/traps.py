# SPDX-License-Identifier: GPL-2.0-only
"""Oopses, BUG() and WARN() in the words that architectures share, and the dump that follows them.

Sources: lib/bug.c, lib/dump_stack.c, kernel/panic.c, kernel/printk/printk.c, kernel/sched/core.c.
"""

from functools import partial

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.row import Row, die, headline, null_dereference, trap

NAME = "traps"

_warning = partial(headline, "warning", severity=Severity.WARNING, fault=False)
_HEX = r"[0-9a-f]+"

ROWS = (
    # A line of equal signs opens a report only if another line of it follows.
    trap("", r"={20,}", "", stages=(-1,), weight=0),
    trap("cut-here", r"-{4,}\[ cut here \]-{4,}", "kernel report that ends after its first line", weight=1),
    headline("bug", r"kernel BUG at (?P<place>[^!]+)!", "BUG{where} at {place}"),
    _warning(
        r"WARNING: (?:CPU: \d+ PID: \d+ )?at (?P<place>\S+:\d+) (?P<function>\S+(?: \[\w+\])?)",
        "WARNING in {function} at {place}{message}",
    ),
    _warning(r"WARNING: CPU: \d+ PID: \d+ at (?P<function>\S+(?: \[\w+\])?)", "WARNING in {function}{message}"),
    # Linux 6.18 and later
    _warning(
        r"WARNING: (?P<place>\S+:\d+) at (?P<function>[^\s,]+(?: \[\w+\])?), CPU#\d+: ",
        "WARNING in {function} at {place}{message}",
    ),
    null_dereference(
        rf"(?:BUG: u|U)nable to handle kernel NULL pointer dereference at (?:virtual address )?(?P<address>{_HEX})"
    ),
    headline("page-fault", r"Unable to handle kernel paging request at virtual address ", "page fault{where}"),
    headline(
        "page-fault", r"Unable to handle kernel (?P<what>.+?) at virtual address ", "{what}{where}", fallback=True
    ),
    die("oops", r"Oops: (?:Oops: )?[0-9a-f]{4} ", "oops{where}"),
    Row("kernel-bug", r"BUG: (?P<what>.+)", "{what}", fallback=True),
)

DUMP = (
    # Indented lines continue the line before them. s390x puts callers that it is not sure of into brackets.
    r"\s|\(?\[<",
    r"Modules linked in:|last unloaded:|CPU: ?\d|Tainted: |Hardware name: |Workqueue: |Call [Tt]race:|Code: |Stack:",
    r"</?[A-Z]{2,16}>|---\[ end |note: |Stopper: |SMP: |\w* ?[Bb]acktrace|Sending NMI|NMI backtrace|caller is ",
    r"[0-9a-f]{16}: |Disabling lock debugging|Kthread ",
)
PROGRAM_COUNTER = ""
