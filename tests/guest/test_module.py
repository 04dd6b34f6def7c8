# SPDX-License-Identifier: GPL-2.0-only
"""The module survives any text on its device, says where a malformed one is wrong, and goes on working."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.deadline import Deadline
from harness.core.vocabulary import MAX_OPERATIONS
from harness.guestlink import program, report
from harness.images import catalogue
from harness.model import predict
from harness.transport.serial import SerialLine
from tests.guest import machines
from tests.unit import examples

_EINVAL = 22
_MUTANTS = 300
HEAD = "lazymmu-program 1\nrun 1\nrevision merged\npersonality arm64\n"
LONGEST = "description: x\nsteps: [repeat: {times: 16384, steps: [enable, pause, resume, disable]}]\n"
DEEP = "".join(f"{n} enable {{\n" for n in range(9)) + "9 check\n" + "}\n" * 9


@pytest.fixture(scope="module", params=machines.ARCHES)
def line(request: pytest.FixtureRequest) -> Iterator[SerialLine]:
    """A guest with the module loaded, for all tests of one architecture."""
    with machines.loaded(str(request.param)) as (_, line):
        yield line


def alive(line: SerialLine) -> list[int]:
    """Return how many runs and kernel threads the module has."""
    folder = "/sys/module/lazymmu/parameters"
    return [int(line.read(f"{folder}/{name}", Deadline.after(30))) for name in ("live_runs", "live_threads")]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("", 1, id="nothing"),
        pytest.param("lazymmu-program 2\n", 1, id="another version"),
        pytest.param(HEAD.replace("run 1", "run 4294967296"), 2, id="a run number that does not fit"),
        pytest.param(HEAD.replace("merged", "mergd") + "steps 0\nend\n", 3, id="an unknown revision"),
        pytest.param(HEAD.replace("arm64", "arm"), 4, id="an unknown personality"),
        pytest.param(HEAD + "steps 65537\n", 5, id="too many steps"),
        pytest.param(HEAD + "steps 1\n0 enabel\nend\n", 6, id="an unknown operation"),
        pytest.param(HEAD + "steps 1\n1 enable\nend\n", 6, id="a wrong number"),
        pytest.param(HEAD + "steps 2\n0 enable\nend\n", 7, id="too few steps"),
        pytest.param(HEAD + "steps 1\n0 enable\n1 enable\nend\n", 7, id="too many step lines"),
        pytest.param(HEAD + "steps 1\n0 enable_with_ptes 0 1\nend\n", 6, id="an operation of another revision"),
        pytest.param(HEAD + "steps 1\n0 interrupt\nend\n", 6, id="an interrupt without a list"),
        pytest.param(HEAD + "steps 1\n0 enable {\n}\nend\n", 7, id="an empty list"),
        pytest.param(HEAD + "steps 2\n0 flush {\n1 check\n}\nend\n", 6, id="a list where none may stand"),
        pytest.param(HEAD + f"steps 10\n{DEEP}end\n", 14, id="nine deep"),
        pytest.param(HEAD + "steps 1\n0 enable\nend\nmore\n", 8, id="text after the end"),
        pytest.param(HEAD + "steps 1\n0 enable\n", 7, id="no end"),
        pytest.param(HEAD + "steps 1\n0 enable\nend", 7, id="no last newline"),
    ],
)
def test_a_malformed_program_is_refused_with_its_line(line: SerialLine, text: str, number: int) -> None:
    answer = line.run(text, Deadline.after(30))
    assert answer.status == _EINVAL
    assert [record for record in answer.records if record.startswith(f"lazymmu: program line {number}: ")]


def test_a_range_outside_the_table_is_refused(line: SerialLine) -> None:
    head = HEAD.replace("merged", "amended") + "steps 1\n"
    for words in ("256 1", "0 257", "255 2", "0 0", "0", "0 1 2", "-1 1", "4294967296 1"):
        answer = line.run(f"{head}0 enable_with_ptes {words}\nend\n", Deadline.after(30))
        assert (words, answer.status) == (words, _EINVAL)


def test_the_module_survives_mutated_programs_and_still_gives_right_reports(line: SerialLine, tmp_path: Path) -> None:
    case = examples.case(tmp_path)
    good = program.text(case, run=1, api="amended", personality="s390x")
    chance = random.Random(20250915)  # noqa: S311  (a fixed sequence, so that a failure comes again)
    refused = 0
    for _ in range(_MUTANTS):
        text = list(good)
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(text))
            text[place : place + chance.choice([0, 1, 1, 8])] = chance.choice(
                ["", "{", "}\n", " ", "\n", "9", "\0", "\x7f"]
            )
        refused += line.run("".join(text), Deadline.after(30)).status == _EINVAL
    assert refused > _MUTANTS // 2
    assert alive(line) == [0, 0]
    answer = line.run(good, Deadline.after(30))
    observed = report.parse(answer, case, run=1, api="amended", personality="s390x")
    assert observed == predict(case, "amended", "s390x")


def test_every_personality_runs_on_every_guest(line: SerialLine, tmp_path: Path) -> None:
    case = examples.case(tmp_path)
    for number, personality in enumerate(catalogue.architectures(), start=1):
        for api in ("proposal", "amended", "merged"):
            text = program.text(case, run=number, api=api, personality=personality)
            answer = line.run(text, Deadline.after(30))
            observed = report.parse(answer, case, run=number, api=api, personality=personality)
            assert observed == predict(case, api, personality)


def test_the_longest_case_arrives_whole(line: SerialLine, tmp_path: Path) -> None:
    case = examples.case(tmp_path, LONGEST)
    text = program.text(case, run=1, api="merged", personality="x86_64")
    answer = line.run(text, Deadline.after(300))
    observed = report.parse(answer, case, run=1, api="merged", personality="x86_64")
    assert len(observed.steps) == MAX_OPERATIONS
    assert observed == predict(case, "merged", "x86_64")
    assert alive(line) == [0, 0]
