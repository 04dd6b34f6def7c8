# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel's own checks say while a program runs natively: part of the report, or trouble."""

from pathlib import Path

from lazymmu.guests.agent_connection import complaint
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.results.result import Unit
from lazymmu.session import kernel_checks
from lazymmu.subject.counters import CHECKS

from tests.unit import examples
from tests.unit.rows import each_row

# As Linux 7.3 on arm64 with DEBUG_VM and DEBUG_ATOMIC_SLEEP printed them, with their levels.
UNPLACED = [
    (6, "------------[ cut here ]------------"),
    (4, "WARNING: at lmm_native_resume+0x60/0x6c [lazymmu], CPU#0: lazymmu/1/33"),
    (4, "Modules linked in: lazymmu(O)"),
    (6, "pc : lmm_native_resume+0x60/0x6c [lazymmu]"),
    (6, "Call trace:"),
    (6, " lmm_native_resume+0x60/0x6c [lazymmu] (P)"),
    (4, "---[ end trace 0000000000000000 ]---"),
]
# With DEBUG_BUGVERBOSE
WARNING = [
    (level, text.replace("WARNING: at", "WARNING: ./include/linux/pgtable.h:362 at")) for level, text in UNPLACED
]
SLEEP = [
    (3, "BUG: sleeping function called from invalid context at api_native.c:113"),
    (3, "in_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: 32, name: lazymmu/1"),
    (3, "preempt_count: 101, expected: 0"),
    (4, "CPU: 1 UID: 0 PID: 32 Comm: lazymmu/1 Tainted: G           O        7.3.4 #2 PREEMPTLAZY  "),
    (4, "Tainted: [O]=OOT_MODULE"),
    (4, "Hardware name: linux,dummy-virt (DT)"),
    (4, "Call trace:"),
    (4, " __might_resched+0xfc/0x134"),
    (4, " lmm_native_check_sleep+0x64/0xb0 [lazymmu]"),
]
OTHERS = [(4, text.replace("lmm_native_resume", "schedule")) for _, text in WARNING]


def unit(tmp_path: Path, impl: str) -> Unit:
    scenario = examples.scenario(tmp_path, "description: x\nsteps: [enable]\n")
    return Unit(scenario, 0, "merged", "arm64", impl=impl)


@each_row(
    ("log", "counts"),
    [
        ([], {}),
        (WARNING, {"warnings": 1}),
        (UNPLACED, {"warnings": 1}),
        ([*WARNING, *SLEEP, *WARNING], {"warnings": 2, "atomic_sleeps": 1}),
        ([*SLEEP, *SLEEP], {"atomic_sleeps": 2}),
    ],
)
def test_complaints_of_the_functions_under_test_are_counted_and_no_trouble(
    tmp_path: Path, log: list[tuple[int, str]], counts: dict[str, int]
) -> None:
    reply = AgentReply(0, (), foreign=tuple(log))
    left, found = kernel_checks.take(unit(tmp_path, "native"), reply)
    assert (found, left.foreign, complaint(left)) == (counts, (), None)
    assert bool(complaint(reply)) == bool(log)
    counted = {"warnings": counts.get("warnings", 0), "atomic_sleeps": int("atomic_sleeps" in counts)}
    assert not kernel_checks.difference(unit(tmp_path, "native"), counted, found)


@each_row(
    ("impl", "log", "left"),
    [
        ("module", WARNING, WARNING),
        ("native", OTHERS, OTHERS),
        ("native", [*WARNING, *OTHERS, *SLEEP], OTHERS),
        ("native", [*SLEEP, (3, "something else")], [(3, "something else")]),
    ],
)
def test_every_other_complaint_stays_trouble(
    tmp_path: Path, impl: str, log: list[tuple[int, str]], left: list[tuple[int, str]]
) -> None:
    reply, _ = kernel_checks.take(unit(tmp_path, impl), AgentReply(0, (), foreign=tuple(log)))
    assert reply.foreign == tuple(left)
    assert complaint(reply)


@each_row(
    ("counted", "said", "agree"),
    [
        ((0, 0), (0, 0), True),
        ((2, 1), (2, 3), True),
        ((1, 0), (2, 0), False),
        ((1, 0), (0, 0), False),
        ((0, 1), (0, 0), False),
        ((0, 0), (0, 1), False),
    ],
)
def test_the_log_and_a_native_report_must_agree(
    tmp_path: Path, counted: tuple[int, int], said: tuple[int, int], agree: bool
) -> None:
    counters, complaints = (dict(zip(CHECKS, numbers, strict=True)) for numbers in (counted, said))
    assert (kernel_checks.difference(unit(tmp_path, "native"), counters, complaints) == "") == agree
    # A kernel without a check says nothing of it, and the module says nothing in the log.
    assert not kernel_checks.difference(unit(tmp_path, "native"), {}, {})
    assert not kernel_checks.difference(unit(tmp_path, "module"), counters, {})
