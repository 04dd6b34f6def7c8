# SPDX-License-Identifier: GPL-2.0-only
"""A fault inside an unfinished report of another kind is a finding of its own, which no scenario can allow."""

import pytest
from lazymmu.guests.agent_connection import complaint
from lazymmu.guests.findings.scan import findings_in
from lazymmu.guests.findings.table import Severity
from lazymmu.protocol.agent_reply import AgentReply

CUT = "------------[ cut here ]------------\n"
RULE = "=" * 66 + "\n"
CPU = "CPU: 0 UID: 0 PID: 1 Comm: init Not tainted 6.12.0 #1\n"

UNFINISHED = {
    "warning": f"{CUT}WARNING: CPU: 0 PID: 1 at mm/example.c:30 example_put+0x4c/0xc0\nModules linked in:\n",
    "refcount": f"{CUT}refcount_t: underflow; use-after-free.\n",
    "ubsan": f"{CUT}UBSAN: shift-out-of-bounds in mm/example.c:15:25\nshift exponent -1 is negative\n{CPU}",
    "slab-corruption": f"{RULE}BUG kmalloc-64 (Tainted: G): Redzone overwritten\n",
    "kasan": f"{RULE}BUG: KASAN: slab-out-of-bounds in example_get+0x10/0x40\nRead of size 8 by task init/1\n",
    "kfence": f"{RULE}BUG: KFENCE: use-after-free read in example_get+0x10/0x40\n\nUse-after-free read at 0x00\n",
    "lockdep": f"{RULE}WARNING: possible circular locking dependency detected\n6.12.0 #1 Not tainted\n",
}
FAULTS = {
    "arm64 data abort": (
        "null-dereference",
        "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010\nMem abort info:\n"
        "Internal error: Oops: 0000000096000004 [#1] SMP\npc : example_get+0x10/0x40\n",
    ),
    "arm64 undefined instruction": (
        "illegal-instruction",
        "Internal error: Oops - Undefined instruction: 0000000002000000 [#1] SMP\npc : example_get+0x10/0x40\n",
    ),
    "s390x addressing": (
        "page-fault",
        "Unable to handle kernel pointer dereference in virtual kernel address space\n"
        "Failing address: 001c000000000000 TEID: 001c000000000403\nOops: 0011 ilc:2 [#1] SMP\n"
        "Krnl PSW : 0704e00180000000 0000000000123456 (example_get+0x10/0x40)\n",
    ),
    "s390x program check": (
        "specification-exception",
        "specification exception: 0006 ilc:2 [#1] SMP\nKrnl PSW : 0704e00180000000 00 (example_get+0x10/0x40)\n",
    ),
    "x86_64 general protection": (
        "general-protection",
        "Oops: general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] SMP\n"
        "RIP: 0010:example_get+0x10/0x40\n",
    ),
    "x86_64 page fault": (
        "page-fault",
        "BUG: unable to handle page fault for address: ffff888000000000\n#PF: supervisor read access in kernel mode\n"
        "Oops: 0000 [#1] SMP\nRIP: 0010:example_get+0x10/0x40\n",
    ),
    "x86_64 BUG()": ("bug", "kernel BUG at mm/example.c:12!\nRIP: 0010:example_get+0x10/0x40\n"),
    "x86_64 double fault": ("double-fault", "traps: PANIC: double fault, error_code: 0x0\n"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("report", UNFINISHED)
def test_a_fault_in_an_unfinished_report_is_a_finding_of_its_own(report: str, fault: str) -> None:
    kind, lines = FAULTS[fault]
    first, second = findings_in(UNFINISHED[report] + lines)
    assert (first.kind, second.kind) == (report, kind)
    assert second.severity is not Severity.WARNING
    assert second.text == lines.strip()
    if "example_get" in lines:
        assert "example_get" in second.title


@pytest.mark.parametrize("fault", FAULTS)
def test_a_scenario_that_allows_warnings_does_not_allow_a_fault_in_a_report(fault: str) -> None:
    for report in UNFINISHED.values():
        # x86 prints an oops at the level of a warning, so that only the findings tell them apart.
        lines = (report + FAULTS[fault][1]).splitlines()
        reply = AgentReply(0, (), foreign=tuple((4, line) for line in lines))
        assert complaint(reply, warnings_allowed=True), report


def test_the_severity_of_a_report_rises_and_never_falls() -> None:
    begin, _, _ = FAULTS["x86_64 page fault"][1].partition("Oops: ")
    (one,) = findings_in(f"{begin}Oops: double fault: 0000 [#1] SMP\n")
    assert (one.kind, one.severity) == ("page-fault", Severity.FATAL)
