# SPDX-License-Identifier: GPL-2.0-only
"""Rows for what a CPU or a check stops at: oopses, BUG() and WARN() of the three architectures.

The stages of such a report: -1 a rule, 0 a message before it, 1 the line that opens it, 2 a message in it, 3 its
headline, 4 what says more about it, 5 the line of die(). Sources: arch/x86/mm/fault.c, arch/x86/kernel/traps.c and
dumpstack.c, arch/arm64/mm/fault.c, arch/arm64/kernel/traps.c, arch/s390/mm/fault.c, arch/s390/kernel/traps.c and
dumpstack.c, lib/bug.c, kernel/panic.c.
"""

from __future__ import annotations

from functools import partial

from lazymmu.guests.findings.finding import Severity
from lazymmu.guests.findings.row import TRACE, Extent, Row

_trap = partial(Row, report="trap", extent=TRACE)
_message = partial(_trap, stages=(0, 2), weight=5)
_headline = partial(_trap, stages=(3,), weight=4, fault=True)
_warning = partial(_headline, "warning", severity=Severity.WARNING, fault=False)
_die = partial(_trap, stages=(5,), fault=True)

_NULL = "NULL pointer dereference at {address}{where}"
_FAULT = "page fault{where}"
_X86 = r"(?:Oops: )?"
_HEX = r"[0-9a-f]+"

ROWS = (
    # A line of equal signs opens a report only if one follows; a lone "cut here" is one whose rest was lost.
    _trap("", r"={20,}", "", stages=(-1,), weight=0),
    _trap("cut-here", r"-{4,}\[ cut here \]-{4,}", "a report of the kernel's that stops at its first line", weight=1),
    # Messages, before a BUG() or in a WARN()
    _message("list-corruption", r"list_(?:add|del) (?:corruption|double add)", "{line}"),
    _message("refcount", r"refcount_t: (?P<what>.+)", "refcount_t: {what}", fault=False),
    _message(
        "ubsan",
        r"UBSAN: (?P<what>\S+) in (?P<place>\S+)",
        "UBSAN: {what} at {place}",
        # Framed by rules before Linux 5.18.
        extent=Extent(until=r"---\[ end trace |={20,}"),
        fault=False,
    ),
    _message("fortify", r"(?:\w+: )?detected buffer overflow", "{line}"),
    _message("usercopy", r"usercopy: Kernel memory (?:exposure|overwrite) attempt detected", "{line}"),
    # Headlines
    _headline("bug", r"kernel BUG at (?P<place>[^!]+)!", "BUG{where} at {place}"),
    _warning(
        r"WARNING: (?:CPU: \d+ PID: \d+ )?at (?P<place>\S+:\d+) (?P<function>\S+(?: \[\w+\])?)",
        "WARNING in {function} at {place}{message}",
    ),
    _warning(
        r"WARNING: CPU: \d+ PID: \d+ at (?P<function>\S+(?: \[\w+\])?)",
        "WARNING in {function}{message}",
    ),
    # Linux 6.18 and later
    _warning(
        r"WARNING: (?P<place>\S+:\d+) at (?P<function>[^\s,]+(?: \[\w+\])?), CPU#\d+: ",
        "WARNING in {function} at {place}{message}",
    ),
    _headline("null-dereference", rf"BUG: kernel NULL pointer dereference, address: (?P<address>{_HEX})", _NULL),
    _headline(
        "null-dereference",
        rf"(?:BUG: u|U)nable to handle kernel NULL pointer dereference at (?:virtual address )?(?P<address>{_HEX})",
        _NULL,
    ),
    # s390x tells no kinds of addresses apart: the failing one lies in the first page.
    _trap(
        "null-dereference",
        rf"Failing address: (?P<address>0{{13}}{_HEX}) TEID: ",
        _NULL,
        stages=(4,),
        weight=6,
        opens=False,
        fault=True,
    ),
    _headline("page-fault", r"BUG: unable to handle (?:page fault for address|kernel paging request at)", _FAULT),
    _headline("page-fault", r"Unable to handle kernel paging request at virtual address ", _FAULT),
    _headline("page-fault", r"Unable to handle kernel .* in virtual (?:kernel|user) address space", _FAULT),
    _headline("page-fault", r"Unable to handle kernel (?P<what>.+?) at virtual address ", "{what}{where}"),
    _headline("double-fault", r"(?:traps: )?PANIC: double fault", "double fault{where}", Severity.FATAL),
    _headline("early-exception", r"PANIC: early exception (?P<number>\w+)", "early exception {number}", Severity.FATAL),
    _headline("stack-overflow", r"BUG: (?:\S+ )?stack guard page was hit at ", "kernel stack overflow"),
    _headline(
        "stack-overflow",
        r"(?:Insufficient stack space to handle exception!|Kernel stack overflow)",
        "kernel stack overflow",
        Severity.FATAL,
    ),
    _headline("serror", r"SError Interrupt on CPU(?P<cpu>\d+), code ", "SError on CPU {cpu}{where}", Severity.FATAL),
    _headline("bad-mode", r"Bad mode in (?P<what>.+?) handler detected", "bad mode: {what}{where}", Severity.FATAL),
    _headline(
        "bad-mode",
        r"Unhandled (?P<what>64-bit el1\w \w+|.{1,40}?) exception on CPU\d+",
        "{what}{where}",
        Severity.FATAL,
    ),
    # Lines of die()
    _die("general-protection", _X86 + r"general protection fault(?P<what>[^:\d]*)", "general protection fault{where}"),
    _die("divide-error", _X86 + r"divide error: ", "division by zero or overflow{where}"),
    _die("divide-error", r"fixpoint divide exception: [0-9a-f]{4} ilc:", "division by zero or overflow{where}"),
    _die("illegal-instruction", _X86 + r"invalid opcode: ", "illegal instruction{where}"),
    _die("illegal-instruction", r"Internal error: Oops - Undefined instruction: ", "illegal instruction{where}"),
    _die("illegal-instruction", r"illegal operation: [0-9a-f]{4} ilc:", "illegal instruction{where}"),
    _die("stack-segment", _X86 + r"stack segment: ", "stack segment fault{where}"),
    _die("double-fault", _X86 + r"double fault: ", "double fault{where}", Severity.FATAL),
    _die("stack-overflow", _X86 + r"stack guard page: ", "kernel stack overflow"),
    _die("specification-exception", r"specification exception: [0-9a-f]{4} ilc:", "specification exception{where}"),
    _die("addressing-exception", r"addressing exception: [0-9a-f]{4} ilc:", "addressing exception{where}"),
    _die(
        "protection-exception",
        r"(?:protection exception|Low-address protection): [0-9a-f]{4} ilc:",
        "protection exception{where}",
    ),
    # All that have no row of their own. A headline says more than they do.
    _die("oops", r"Internal error: (?P<what>.+?): [0-9a-f]{8,16} \[#\d+\]", "oops: {what}{where}"),
    _die("oops", r"Oops: (?:Oops: )?[0-9a-f]{4} ", "oops{where}"),
    _die("oops", r"Internal error: (?P<what>.+)", "oops: {what}{where}"),
    _die("program-check", r"(?P<what>[A-Za-z][\w -]{1,40}+): [0-9a-f]{4} ilc:\d \[#\d+\]", "{what}{where}"),
    _die("oops", r"(?:Oops: )?(?P<what>[A-Za-z][\w -]{1,40}+): [0-9a-f]{4} \[#\d+\]", "oops: {what}{where}"),
)
