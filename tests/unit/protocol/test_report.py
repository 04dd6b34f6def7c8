# SPDX-License-Identifier: GPL-2.0-only
"""A report of a real guest is read whole, and any damage to it is an error, never a trace."""

import zlib
from pathlib import Path

import pytest
from lazymmu.protocol import program, report
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.subject.case import Case
from lazymmu.subject.counters import CHECKS
from lazymmu.subject.implementations import NATIVE
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import GuestError

from tests.unit import examples
from tests.unit.rows import each_row

FIXTURES = Path(__file__).parents[2] / "fixtures"
# Recorded from an s390x guest that ran examples.NESTED under amended, and an x86_64 guest that ran TASKS under v4.
RECORDED = (FIXTURES / "report-nested-amended-s390x.txt").read_text().splitlines()
OF_TASKS = (FIXTURES / "report-tasks-v4-x86_64.txt").read_text().splitlines()
TASKS = """\
description: Two tasks beside main, on two CPUs, with answers and a table.
tasks: {other: {cpu: 1}}
steps:
  - set_pte: {index: 3, value: 0x1001}
  - enable
  - set_pte: {index: 200, value: 0xffffffffffffffff}
  - touch: 200
  - softirq: [get_pte: 200, check: {task: other, active: false}]
  - switch: other
  - load: 3
  - fork: child
  - switch: child
  - clear_pte: 3
  - repeat: {times: 30, as: i, steps: [set_pte: {index: $i, value: 0x8000000000000001}]}
  - check: {task: main, active: true}
"""
# Recorded from guests with Linux 7.3, whose own functions ran NATIVELY. Only arm64's writes are observed.
OF_THE_KERNEL = {
    arch: (FIXTURES / f"report-native-merged-{arch}.txt").read_text().splitlines() for arch in ("arm64", "x86_64")
}
# The same on a kernel with DEBUG_VM and DEBUG_ATOMIC_SLEEP.
CHECKED = (FIXTURES / "report-native-merged-arm64-checks.txt").read_text().splitlines()
NATIVELY = """\
description: Two tasks on two CPUs, writes, a pause, contexts, a hook's list, misuse.
api: [merged]
tasks: {other: {cpu: 1}}
steps:
  - enable
  - set_pte: {index: 3, value: 0x1001}
  - touch: 3
  - switch: other
  - pause_task: main
  - get_pte: 3
  - softirq: [enable, check: {task: main, active: false}, might_sleep]
  - switch: main
  - resume
  - set_pte: {index: 4, value: 0x2001}
  - enable: {before_hook: [flush]}
  - disable:
      before_hook:
        - check: {active: true}
  - set_pte: {index: 4, value: 0x2000}
  - resume
"""


# Recorded from an x86_64 guest that ran it under merged.
OF_TWO_CPUS = (FIXTURES / "report-two-cpus-merged-xen.txt").read_text().splitlines()
TWO_CPUS = """\
description: Lists of the other CPU, a switch that displaces a task, and a fork that does not run.
personality: xen
tasks: {a: {cpu: 1}, b: {cpu: 1}}
steps:
  - switch: b
  - enable
  - switch: main
  - irqs_off:
      - meanwhile:
          task: b
          steps: [flush: {before_hook: [check: {hooks: ele}]}, set_pte: {index: 3, value: 0x1001}, peek: 3]
  - enable: {before_hook: [fork: child, sleep: 0]}
  - enable: {before_hook: [fork: never]}
  - meanwhile: {task: a, steps: [enable]}
  - flush: {before_hook: [switch: b, touch: 3, switch: main]}
  - bh_disabled: [might_sleep]
"""


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return examples.case(tmp_path)


def parse(case: Case, records: list[str], status: int = 0) -> Trace:
    return report.parse(AgentReply(status, tuple(records)), case, run=1, api="amended", personality="s390x")


def test_a_recorded_report_is_the_trace_that_the_model_predicts(case: Case) -> None:
    assert parse(case, RECORDED) == predict(case, "amended", "s390x")


def test_other_kernel_messages_may_be_between(case: Case) -> None:
    mixed = [line for record in RECORDED for line in (record, "random: crng init done")]
    assert parse(case, mixed) == parse(case, RECORDED)


@each_row("number", range(len(RECORDED)))
def test_a_missing_doubled_or_moved_line_is_an_error(case: Case, number: int) -> None:
    missing = RECORDED[:number] + RECORDED[number + 1 :]
    doubled = RECORDED[: number + 1] + RECORDED[number:]
    moved = [*missing, RECORDED[number]] if number + 1 < len(RECORDED) else [RECORDED[number], *missing]
    for damaged in (missing, doubled, moved, RECORDED[:number]):
        with pytest.raises(GuestError, match="no whole report"):
            parse(case, damaged)


def resealed(records: list[str]) -> list[str]:
    """Return a report whose end vouches for its lines as they are."""
    body = [record.removeprefix("lazymmu: ") for record in records[:-1]]
    crc = zlib.crc32("".join(f"{line}\n" for line in body).encode())
    return [*records[:-1], f"lazymmu: run 1 end lines={len(body)} crc={crc:08x}"]


def test_a_report_that_is_whole_but_says_nonsense_is_an_error(case: Case) -> None:
    assert parse(case, resealed(RECORDED)) == parse(case, RECORDED)
    for there, instead in (
        ("task main count=0 enabled=0", "task main count=0 enabled=7"),
        ("task main count=0", "task main count=0 pause_count=0"),
        ("entries=0", "entries=1"),
        ("entries=0", "entries=-"),
        ("step 0 enable task=main", "step 0 enable task=other"),
        ("task main count", "task other count"),
        ("active=1 count=1", "active=1 value=1 count=1"),
        ("total enable=", "total enabled="),
        ("hooks=e inside=0", "hooks=e inside=-"),
        ("hooks=e inside=0", "hooks=x inside=0"),
        ("| enable=1", "| enables=1"),
        ("| enable=1", "| enable=1 enable=1"),
        ("count=1 enabled=1 outstanding=0", "count=1 enabled=1"),
        ("count=1 enabled=1 outstanding=0", "count=1 count=1 enabled=1 outstanding=0"),
    ):
        assert any(there in record for record in RECORDED)
        with pytest.raises(GuestError, match="no whole report"):
            parse(case, resealed([record.replace(there, instead) for record in RECORDED]))
    task = next(n for n, record in enumerate(RECORDED) if " task main " in record)
    with pytest.raises(GuestError, match="the tasks main, main are not those of the case"):
        parse(case, resealed([*RECORDED[: task + 1], *RECORDED[task:]]))


@pytest.fixture
def tasks(tmp_path: Path) -> Case:
    return examples.case(tmp_path, TASKS)


def parse_tasks(tasks: Case, records: list[str]) -> Trace:
    return report.parse(AgentReply(0, tuple(records)), tasks, run=1, api="v4", personality="x86_64")


def test_tasks_answers_and_the_table_are_read_from_a_recorded_report(tasks: Case) -> None:
    trace = parse_tasks(tasks, OF_TASKS)
    assert trace == predict(tasks, "v4", "x86_64")
    assert trace.values == (0, 0, 4097, 4097)
    assert list(trace.tasks) == ["main", "other", "child"]
    assert trace.tasks["main"] == {"nesting_level": 1, "active": True}
    assert trace.table == {**dict.fromkeys(range(30), 0x8000000000000001), 200: 0xFFFFFFFFFFFFFFFF}


@each_row(
    ("there", "instead", "message"),
    [
        ("touch task=main hooks=- inside=- active=1 value=0", "touch task=main hooks=- inside=- active=1", "no answer"),
        ("active=1 value=0", "active=1 value=2", "touch cannot have the answer 2"),
        ("active=0 value=4097", "active=0 value=18446744073709551616", "cannot have the answer"),
        ("check task=main hooks=- inside=- active=1", "check task=main hooks=- inside=- active=1 value=1", "an answer"),
        ("task=child", "task=chlid", "a step of an unknown task: chlid"),
        ("run 1 task child", "run 1 task chlid", "are not those of the case"),
        (
            "task main nesting_level=1 active=1 active=1",
            "task main nesting_level=1 active=0 active=1",
            "active and not active",
        ),
        ("entries=31", "entries=30", "the table has 31 entries, and says that it has 30"),
        ("entries 0:", "entries 1:", "cannot be the next entry"),
        (",200:18446744073709551615", ",200:18446744073709551616", "cannot be the next entry"),
        (",200:18446744073709551615", ",256:1", "cannot be the next entry"),
        (",200:18446744073709551615", ",200:0", "cannot be the next entry"),
        (",200:18446744073709551615", ",200", "expected entries of the table"),
        (",200:18446744073709551615", "", "has 30 entries"),
    ],
)
def test_an_impossible_claim_is_an_error(tasks: Case, there: str, instead: str, message: str) -> None:
    assert any(there in record for record in OF_TASKS)
    with pytest.raises(GuestError, match=message):
        parse_tasks(tasks, resealed([record.replace(there, instead) for record in OF_TASKS]))


def test_the_hooks_of_a_recorded_report_are_in_the_order_of_their_calls(tmp_path: Path) -> None:
    two_cpus = examples.case(tmp_path, TWO_CPUS)
    answer = AgentReply(0, tuple(OF_TWO_CPUS))
    trace = report.parse(answer, two_cpus, run=1, api="merged", personality="xen")
    assert trace == predict(two_cpus, "merged", "xen")
    meanwhile = next(step for step in trace.steps if step.op == "meanwhile")
    # Its own letter, `e`, comes before its list's `f`, and its record after that.
    assert (meanwhile.index, meanwhile.hooks, trace.steps[6].hooks) == (4, "e", "")
    assert trace.hooks.startswith("elef")
    assert list(trace.tasks) == ["main", "a", "b", "child"]
    switch = next(step for step in trace.steps if len(step.hooks) == 3)
    assert (switch.op, switch.task, switch.hooks, switch.hook_active) == ("switch", "b", "lle", "001")
    longer = [record.replace("hooks=lle inside=001", "hooks=llee inside=0011") for record in OF_TWO_CPUS]
    with pytest.raises(GuestError, match="hooks=llee"):
        report.parse(AgentReply(0, tuple(resealed(longer))), two_cpus, run=1, api="merged", personality="xen")


# A step line that is missing is a difference, which the verdict tells.
@each_row("number", [n for n, record in enumerate(OF_TASKS) if " step " not in record])
def test_a_missing_line_is_an_error_even_when_the_end_vouches_for_the_rest(tasks: Case, number: int) -> None:
    missing = OF_TASKS[:number] + OF_TASKS[number + 1 :]
    with pytest.raises(GuestError, match="no whole report"):
        parse_tasks(tasks, resealed(missing) if number + 1 < len(OF_TASKS) else missing)


def test_a_report_of_another_run_revision_or_case_is_an_error(case: Case, tmp_path: Path) -> None:
    answer = AgentReply(0, tuple(RECORDED))
    shorter = examples.case(tmp_path, "description: x\nsteps: [enable]\n")
    for other_case, run, api, personality in (
        (case, 2, "amended", "s390x"),
        (case, 1, "proposal", "s390x"),
        (case, 1, "amended", "arm64"),
        (shorter, 1, "amended", "s390x"),
    ):
        with pytest.raises(GuestError, match="no whole report"):
            report.parse(answer, other_case, run=run, api=api, personality=personality)


def test_what_one_revision_may_say_is_an_error_under_another(case: Case) -> None:
    parse(case, RECORDED)  # what was read once is kept, and must not be taken for the answer of another revision
    first = next(number for number, record in enumerate(RECORDED) if " step " in record)
    merged = [
        record.replace("=amended", "=merged").replace(" count=", " enable_count=").replace(" enabled=", " pause_count=")
        for record in RECORDED
    ]
    report.parse(AgentReply(0, tuple(resealed(merged))), case, run=1, api="merged", personality="s390x")
    merged[first] = RECORDED[first]
    with pytest.raises(GuestError, match="is not that of merged"):
        report.parse(AgentReply(0, tuple(resealed(merged))), case, run=1, api="merged", personality="s390x")


def test_a_refused_program_is_an_error_with_the_modules_line(case: Case) -> None:
    with pytest.raises(GuestError, match="errno 22") as caught:
        parse(case, ["lazymmu: program line 4: no"], status=22)
    assert "program line 4" in caught.value.details


def test_the_program_declares_tasks_and_writes_every_argument(tasks: Case) -> None:
    text = program.text(tasks, run=7, api="v4", personality="x86_64")
    assert text.splitlines()[:20] == [
        *("lazymmu-program 3", "run 7", "revision v4", "personality x86_64", "task other 1", "steps 43"),
        *("0 set_pte 3 4097", "1 enable", "2 set_pte 200 18446744073709551615", "3 touch 200"),
        *("4 softirq {", "5 get_pte 200", "6 check other", "}"),
        *("7 switch other", "8 load 3", "9 fork child", "10 switch child", "11 clear_pte 3"),
        "12 set_pte 0 9223372036854775809",
    ]


def test_the_program_writes_calls_contexts_and_times_as_the_module_reads_them(tmp_path: Path) -> None:
    case = examples.case(
        tmp_path,
        "description: x\nsteps: [migrate: {cpu: 1}, sleep: 1000, tlb_flush, pause_task: main, "
        "enable_with_ptes: {count: 4, index: 3, before_hook: [resume_task: main]}, irqs_off: [check: {depth: 1}]]\n",
    )
    assert program.text(case, run=1, api="with-ptes", personality="arm64").splitlines()[4:] == [
        *("steps 8", "0 migrate 1", "1 sleep 1000", "2 tlb_flush", "3 pause_task main"),
        *("4 enable_with_ptes 3 4 {", "5 resume_task main", "}", "6 irqs_off {", "7 check", "}", "end"),
    ]


def natively(tmp_path: Path, records: list[str], arch: str) -> Trace:
    case = examples.case(tmp_path, NATIVELY)
    return report.parse(AgentReply(0, tuple(records)), case, run=1, api="merged", personality=arch, impl=NATIVE)


@each_row("arch", [*OF_THE_KERNEL])
def test_a_recorded_report_of_the_kernels_own_functions_is_what_the_model_predicts(tmp_path: Path, arch: str) -> None:
    predicted = predict(examples.case(tmp_path, NATIVELY), "merged", arch, NATIVE)
    assert natively(tmp_path, OF_THE_KERNEL[arch], arch) == predicted


def test_a_report_has_what_the_kernels_own_checks_find_where_the_kernel_has_them(tmp_path: Path) -> None:
    predicted = predict(examples.case(tmp_path, NATIVELY), "merged", "arm64", NATIVE, CHECKS)
    assert [predicted.counters[name] for name in CHECKS] == [1, 1]
    assert natively(tmp_path, CHECKED, "arm64") == predicted


@each_row(
    ("arch", "there", "instead"),
    [
        ("x86_64", "pause_count=0 | enable=1", "pause_count=0 outstanding=0 | enable=1"),
        (
            "x86_64",
            "step 2 touch task=main hooks=- inside=- active=1",
            "step 2 touch task=main hooks=- inside=- active=1 value=1",
        ),
        ("x86_64", "arch_enter_with_ptes=0", "arch_enter_with_ptes=0 deferred=0"),
        ("x86_64", "arch_enter_with_ptes=0", "arch_enter_with_ptes=0 atomic_sleeps=0 warnings=0"),
        ("x86_64", "revision=merged/native", "revision=merged"),
        ("arm64", "pending=0 active=0", "active=0"),
        ("arm64", " pending=0 outstanding=0", " pending=0"),
        ("arm64", " deferred=", " undefined="),
        ("arm64", "direct=1 barriers=1", "direct=1"),
    ],
)
def test_a_native_report_has_what_is_observed_there_and_nothing_else(
    tmp_path: Path, arch: str, there: str, instead: str
) -> None:
    whole = OF_THE_KERNEL[arch]
    assert natively(tmp_path, resealed(whole), arch) == natively(tmp_path, whole, arch)
    damaged = [record.replace(there, instead) for record in whole]
    assert damaged != whole
    with pytest.raises(GuestError, match="no whole report"):
        natively(tmp_path, resealed(damaged), arch)


def test_a_native_report_is_none_of_the_module(tmp_path: Path) -> None:
    records = tuple(OF_THE_KERNEL["arm64"])
    with pytest.raises(GuestError, match="no whole report"):
        report.parse(
            AgentReply(0, records), examples.case(tmp_path, NATIVELY), run=1, api="merged", personality="arm64"
        )
