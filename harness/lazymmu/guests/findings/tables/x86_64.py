# SPDX-License-Identifier: GPL-2.0-only
"""Lines that only x86_64 prints.

Sources: arch/x86/mm/fault.c, arch/x86/kernel/{traps,dumpstack,process_64}.c, arch/x86/kernel/cpu/mce/core.c.
"""

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.row import Row, deadly, die, headline, null_dereference

NAME = "x86_64"

_OOPS = r"(?:Oops: )?"

ROWS = (
    null_dereference(r"BUG: kernel NULL pointer dereference, address: (?P<address>[0-9a-f]+)"),
    headline(
        "page-fault", r"BUG: unable to handle (?:page fault for address|kernel paging request at)", "page fault{where}"
    ),
    deadly("double-fault", r"(?:traps: )?PANIC: double fault", "double fault{where}"),
    deadly("early-exception", r"PANIC: early exception (?P<number>\w+)", "early exception {number}"),
    headline("stack-overflow", r"BUG: (?:\S+ )?stack guard page was hit at ", "kernel stack overflow"),
    die("general-protection", _OOPS + r"general protection fault[^:\d]*", "general protection fault{where}"),
    die("divide-error", _OOPS + r"divide error: ", "division by zero or overflow{where}"),
    die("illegal-instruction", _OOPS + r"invalid opcode: ", "illegal instruction{where}"),
    die("stack-segment", _OOPS + r"stack segment: ", "stack segment fault{where}"),
    die("double-fault", _OOPS + r"double fault: ", "double fault{where}", Severity.FATAL),
    die("stack-overflow", _OOPS + r"stack guard page: ", "kernel stack overflow"),
    die(
        "oops",
        _OOPS + r"(?!Oops: )(?P<what>[A-Za-z][\w -]{1,40}+): [0-9a-f]{4} \[#\d+\]",
        "oops: {what}{where}",
        fallback=True,
    ),
    Row(
        "machine-check",
        r"(?:mce: )?\[Hardware Error\]: CPU (?P<cpu>\d+): Machine Check",
        "machine check on CPU {cpu}",
        Severity.FATAL,
    ),
)

DUMP = (
    r"RIP: |[RE](?:[A-D]X|[SD]I|[SB]P|IP): |R\d\d: |[C-GS]S: |CR\d: |DR\d: |PKRU: |ORIG_RAX: |EFLAGS: |#PF: |PGD |BAD$",
    r"KASAN: |kernel tried to execute |unable to execute userspace |mce: ",
)
PROGRAM_COUNTER = r"RIP: \w+:"
