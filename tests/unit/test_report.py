# SPDX-License-Identifier: GPL-2.0-only
"""A report of a real guest is read whole, and any damage to it is an error, never a trace."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest

from harness.core.answer import Answer
from harness.core.case import Case
from harness.core.errors import GuestError
from harness.core.trace import Trace
from harness.guestlink import program, report
from harness.model import predict
from tests.unit import examples

# Recorded from an s390x guest that ran examples.NESTED under amended as run 3.
RECORDED = (Path(__file__).parents[1] / "fixtures" / "report-nested-amended-s390x.txt").read_text().splitlines()


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return examples.case(tmp_path)


def parse(case: Case, records: list[str], status: int = 0) -> Trace:
    return report.parse(Answer(status, tuple(records)), case, run=3, api="amended", personality="s390x")


def test_a_recorded_report_is_the_trace_that_the_model_predicts(case: Case) -> None:
    assert parse(case, RECORDED) == predict(case, "amended", "s390x")


def test_other_kernel_messages_may_stand_between(case: Case) -> None:
    mixed = [line for record in RECORDED for line in (record, "random: crng init done")]
    assert parse(case, mixed) == parse(case, RECORDED)


@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_a_missing_doubled_or_moved_line_is_an_error(case: Case, number: int) -> None:
    missing = RECORDED[:number] + RECORDED[number + 1 :]
    doubled = RECORDED[: number + 1] + RECORDED[number:]
    moved = [*missing, RECORDED[number]] if number + 1 < len(RECORDED) else [RECORDED[number], *missing]
    for damaged in (missing, doubled, moved, RECORDED[:number]):
        with pytest.raises(GuestError, match="no whole report"):
            parse(case, damaged)


def test_any_changed_character_is_an_error(case: Case) -> None:
    chance = random.Random(1)  # noqa: S311  (a fixed sequence)
    for number, line in enumerate(RECORDED):
        start = len("lazymmu: run 3 ")
        for position in chance.sample(range(start, len(line)), 5):
            other = chance.choice([c for c in "0a9=| e" if c != line[position]])
            damaged = [*RECORDED]
            damaged[number] = line[:position] + other + line[position + 1 :]
            with pytest.raises(GuestError):
                parse(case, damaged)


def resealed(records: list[str]) -> list[str]:
    """Return a report whose end vouches for its lines as they are."""
    body = [record.removeprefix("lazymmu: ") for record in records[:-1]]
    crc = zlib.crc32("".join(f"{line}\n" for line in body).encode())
    return [*records[:-1], f"lazymmu: run 3 end lines={len(body)} crc={crc:08x}"]


def test_a_report_that_is_whole_but_says_nonsense_is_an_error(case: Case) -> None:
    assert parse(case, resealed(RECORDED)) == parse(case, RECORDED)
    for there, instead in (
        ("task main count=0 enabled=0", "task main count=0 enabled=7"),
        ("task main count=0", "task main count=0 pause_count=0"),
        ("entries=-", "entries=3:1,3:2"),
        ("total enable=", "total enabled="),
        ("hooks=e inside=0", "hooks=e inside=-"),
        ("hooks=e inside=0", "hooks=x inside=0"),
        ("| enable=1", "| enables=1"),
        ("| enable=1", "| enable=1 enable=1"),
        ("count=1 enabled=1 outstanding=0", "count=1 enabled=1"),
        ("count=1 enabled=1 outstanding=0", "count=1 enabled=7 outstanding=0"),
        ("count=1 enabled=1 outstanding=0", "count=1 count=1 enabled=1 outstanding=0"),
    ):
        assert any(there in record for record in RECORDED)
        with pytest.raises(GuestError, match="no whole report"):
            parse(case, resealed([record.replace(there, instead) for record in RECORDED]))
    task = next(n for n, record in enumerate(RECORDED) if " task main " in record)
    with pytest.raises(GuestError, match="stands twice"):
        parse(case, resealed([*RECORDED[: task + 1], *RECORDED[task:]]))


def test_a_report_of_another_run_revision_or_case_is_an_error(case: Case, tmp_path: Path) -> None:
    answer = Answer(0, tuple(RECORDED))
    shorter = examples.case(tmp_path, "description: x\nsteps: [enable]\n")
    for other_case, run, api, personality in (
        (case, 4, "amended", "s390x"),
        (case, 3, "proposal", "s390x"),
        (case, 3, "amended", "arm64"),
        (shorter, 3, "amended", "s390x"),
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
    report.parse(Answer(0, tuple(resealed(merged))), case, run=3, api="merged", personality="s390x")
    merged[first] = RECORDED[first]
    with pytest.raises(GuestError, match="is not that of merged"):
        report.parse(Answer(0, tuple(resealed(merged))), case, run=3, api="merged", personality="s390x")


def test_a_refused_program_is_an_error_with_the_modules_line(case: Case) -> None:
    with pytest.raises(GuestError, match="errno 22") as caught:
        parse(case, ["lazymmu: program line 4: no"], status=22)
    assert "program line 4" in caught.value.details


def test_the_program_numbers_every_step_and_closes_every_list(case: Case) -> None:
    text = program.text(case, run=3, api="amended", personality="s390x")
    assert text.splitlines()[:5] == [
        "lazymmu-program 1",
        "run 3",
        "revision amended",
        "personality s390x",
        "steps 11",
    ]
    assert text.splitlines()[5:] == [
        *("0 enable", "1 enable", "2 pause {", "3 check", "}", "4 resume", "5 disable"),
        *("6 interrupt {", "7 enable", "8 flush", "}", "9 check", "10 disable", "end"),
    ]
