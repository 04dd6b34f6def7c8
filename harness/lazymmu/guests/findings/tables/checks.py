# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes that the kernel's own checks find: sanitizers, hardening, lockdep, atomic contexts.

Sources: mm/{kasan,kfence,kmsan}/report.c, kernel/kcsan/report.c, lib/{ubsan,list_debug,refcount,string_helpers}.c,
mm/usercopy.c, kernel/locking/*.c, kernel/sched/core.c, lib/smp_processor_id.c.
"""

from functools import partial

from lazymmu.guests.findings.row import RULED, Extent, Row, message

NAME = "checks"

_ruled = partial(Row, report="trap", stages=(2,), weight=4, extent=RULED, fault=False)
_lockdep = partial(_ruled, "lockdep", title="lockdep: {what}", extent=Extent(until=r"\s*stack backtrace:"))
_LOCKS = (
    "possible|inconsistent lock state|suspicious RCU usage|bad unlock balance|held lock freed|nested lock was not|"
    r"lock held when returning|still (?:had|has) locks held|\S+ -> \S+ lock order detected|bad contention|invalid wait"
)

ROWS = (
    # BUG() or WARN() prints these as its message.
    message("list-corruption", r"list_(?:add|del) (?:corruption|double add)", "{line}"),
    message("refcount", r"refcount_t: .+", "{line}", fault=False),
    message(
        "ubsan",
        r"UBSAN: (?P<what>\S+) in (?P<place>\S+)",
        "UBSAN: {what} at {place}",
        # Linux before 5.18 prints lines of equal signs around it.
        extent=Extent(until=r"---\[ end trace |={20,}"),
        fault=False,
    ),
    message("fortify", r"(?:\w+: )?detected buffer overflow", "{line}"),
    message("usercopy", r"usercopy: Kernel memory (?:exposure|overwrite) attempt detected", "{line}"),
    _ruled("kasan", r"BUG: KASAN: (?P<what>.+)", "KASAN: {what}"),
    _ruled("kfence", r"BUG: KFENCE: (?P<what>.+)", "KFENCE: {what}"),
    _ruled("kcsan", r"BUG: KCSAN: (?P<what>.+)", "KCSAN: {what}"),
    _ruled("kmsan", r"BUG: KMSAN: (?P<what>.+)", "KMSAN: {what}"),
    _lockdep(rf"WARNING: (?P<what>(?:{_LOCKS}).*)"),
    _lockdep(r"\[ BUG: (?P<what>[^\]]+) \]"),
    Row("atomic-scheduling", r"BUG: scheduling while atomic: (?P<task>.+)/\d+/0x", "scheduling while atomic in {task}"),
    Row(
        "atomic-sleep",
        r"BUG: sleeping function called from invalid context at (?P<place>\S+)",
        "sleeping function called from invalid context at {place}",
    ),
    Row("preemptible", r"BUG: using (?P<what>\S+) in preemptible", "{what} in preemptible code"),
    Row("spinlock", r"BUG: (?P<what>(?:spin|rw)lock .+?) on CPU#\d+", "{what}"),
)

DUMP = (
    r"irq event stamp: |(?:hard|soft)irqs last |\d+ locks? held by |no locks held by |#\d+: ",
    r"INFO: lockdep is turned off|in_atomic\(\): |preempt_count: |RCU nest depth: |Preemption disabled at:",
)
PROGRAM_COUNTER = ""
