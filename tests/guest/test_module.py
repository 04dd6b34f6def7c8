# SPDX-License-Identifier: GPL-2.0-only
"""The module survives any text on its device, says where a malformed one is wrong, and goes on working."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.protocol import program, report
from lazymmu.subject.limits import MAX_OPERATIONS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Skip, Trace
from lazymmu.support.deadline import Deadline

from tests.guest import machines
from tests.guest.abuse import grammar
from tests.unit import examples

_EINVAL = 22
_MUTANTS = 300
HEAD = "lazymmu-program 2\nrun 1\nrevision merged\npersonality arm64\n"
LONGEST = "description: x\nsteps: [repeat: {times: 16384, steps: [enable, pause, resume, disable]}]\n"
DEEP = "".join(f"{n} enable {{\n" for n in range(9)) + "9 check\n" + "}\n" * 9
NAME = "n" * 32
CROWD = "".join(f"task t{n} {n % 2}\n" for n in range(63))
# Every operation that no revision lacks: contexts in the three places where they may stand, and tasks on both CPUs.
EVERYTHING = """\
task other 1
steps 33
0 set_pte 0 4097
1 enable
2 set_pte 1 8193
3 clear_pte 0
4 softirq {
5 set_pte 2 18446744073709551615
6 interrupt {
7 flush
8 enable
9 check other
}
}
10 pause {
11 bh_disabled {
12 interrupt {
13 get_pte 1
}
}
}
14 resume {
15 irqs_off {
16 set_pte 3 1
17 touch 3
}
}
18 disable
19 load 1
20 tlb_flush
21 fork child
22 switch child
23 enable
24 set_pte 4 3
25 disable
26 migrate 1
27 switch other
28 enable
29 disable
30 sleep 1
31 migrate 0
32 switch main
end
"""


@pytest.fixture(scope="module", params=machines.ARCHES)
def line(request: pytest.FixtureRequest) -> Iterator[AgentConnection]:
    """A guest with the module loaded, for all tests of one architecture."""
    with machines.loaded(str(request.param)) as (_, line):
        yield line


def alive(line: AgentConnection) -> list[int]:
    """Return how many runs and kernel threads the module has."""
    folder = "/sys/module/lazymmu/parameters"
    return [int(line.read(f"{folder}/{name}", Deadline.after(30))) for name in ("live_runs", "live_threads")]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("", 1, id="nothing"),
        pytest.param("lazymmu-program 1\n", 1, id="another version"),
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
        pytest.param(HEAD + "task main 0\nsteps 0\nend\n", 5, id="a name that is taken"),
        pytest.param(HEAD + f"task {NAME} 0\ntask {NAME}n 0\n", 6, id="a name that is too long"),
        pytest.param(HEAD + "task 2nd 0\nsteps 0\nend\n", 5, id="a name that is none"),
        pytest.param(HEAD + "task t 2\nsteps 0\nend\n", 5, id="a CPU that is not there"),
        pytest.param(HEAD + f"{CROWD}task t63 0\nsteps 0\nend\n", 68, id="too many tasks"),
        pytest.param(HEAD + f"{CROWD}steps 1\n0 fork t63\nend\n", 69, id="a fork too many"),
        pytest.param(HEAD + "steps 1\n0 switch main\nend\n", 6, id="a switch to the running task"),
        pytest.param(HEAD + "steps 1\n0 migrate 0\nend\n", 6, id="a migration to the same CPU"),
        pytest.param(HEAD + "steps 2\n0 switch t\n1 fork t\nend\n", 6, id="a task that is forked later"),
        pytest.param(HEAD + "steps 1\n0 sleep 1001\nend\n", 6, id="a sleep that is too long"),
        pytest.param(HEAD + "steps 2\n0 enable {\n1 sleep 1\n}\nend\n", 7, id="a sleep in a list"),
        pytest.param(HEAD + "steps 2\n0 irqs_off {\n1 interrupt {\n", 7, id="an interrupt with interrupts off"),
        pytest.param(HEAD + "steps 3\n0 bh_disabled {\n1 enable {\n2 softirq {\n", 8, id="a softirq in a context"),
        pytest.param(HEAD + "steps 1\n0 set_pte 0 18446744073709551616\nend\n", 6, id="a value that does not fit"),
        pytest.param(HEAD + "steps 1\n0 touch 256\nend\n", 6, id="an entry outside the table"),
        pytest.param(HEAD.replace("merged", "v4") + "steps 1\n0 pause_task main\nend\n", 6, id="no pause_task in v4"),
        pytest.param(HEAD + "steps 1\n0 enable\nend\nmore\n", 8, id="text after the end"),
        pytest.param(HEAD + "steps 1\n0 enable\n", 7, id="no end"),
        pytest.param(HEAD + "steps 1\n0 enable\nend", 7, id="no last newline"),
    ],
)
def test_a_malformed_program_is_refused_with_its_line(line: AgentConnection, text: str, number: int) -> None:
    answer = line.run(text, Deadline.after(30))
    assert answer.status == _EINVAL
    assert [record for record in answer.records if record.startswith(f"lazymmu: program line {number}: ")]


def test_a_range_outside_the_table_is_refused(line: AgentConnection) -> None:
    head = HEAD.replace("merged", "amended") + "steps 1\n"
    for words in ("256 1", "0 257", "255 2", "0 0", "0", "0 1 2", "-1 1", "4294967296 1"):
        answer = line.run(f"{head}0 enable_with_ptes {words}\nend\n", Deadline.after(30))
        assert (words, answer.status) == (words, _EINVAL)


def test_the_module_survives_mutated_programs_and_still_gives_right_reports(
    line: AgentConnection, tmp_path: Path
) -> None:
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


def run_and_read(line: AgentConnection, text: str) -> tuple[Trace | Skip, Trace]:
    """Run a well-formed program; return what the model predicts and what the guest reports."""
    read = grammar.read(text.encode())
    answer = line.run(text, Deadline.after(30))
    observed = report.parse(answer, read.case, run=read.run, api=read.api, personality=read.personality)
    return predict(read.case, read.api, read.personality), observed


@pytest.mark.parametrize("api", REVISIONS)
def test_every_operation_runs_under_every_personality_on_every_guest(line: AgentConnection, api: str) -> None:
    for personality in PERSONALITIES:
        head = HEAD.replace("merged", api).replace("arm64", personality)
        for _ in range(2):
            predicted, observed = run_and_read(line, head + EVERYTHING)
            assert observed == predicted
    assert alive(line) == [0, 0]


def test_a_step_that_needs_preemption_ends_a_run_without_it(line: AgentConnection) -> None:
    head = HEAD.replace("arm64", "s390x")
    answer = line.run(head + "steps 3\n0 enable\n1 sleep 0\n2 check\nend\n", Deadline.after(30))
    assert answer.status == 0
    assert "lazymmu: run 1 error step 1 sleep with preemption off" in answer.records
    assert not [record for record in answer.records if " step 2 " in record]
    assert alive(line) == [0, 0]


def test_a_sleep_takes_its_time_and_a_crowd_of_tasks_all_run(line: AgentConnection) -> None:
    turns = "".join(f"{n} switch t{n}\n" for n in range(63))
    begin = time.monotonic()
    predicted, observed = run_and_read(line, f"{HEAD}{CROWD}steps 64\n{turns}63 sleep 300\nend\n")
    assert observed == predicted
    assert time.monotonic() - begin >= 0.3
    assert alive(line) == [0, 0]


def test_a_full_table_arrives_whole(line: AgentConnection) -> None:
    most = 2**64 - 1
    steps = "".join(f"{n} set_pte {n} {most - 2 * n}\n" for n in range(256))
    predicted, observed = run_and_read(line, f"{HEAD}steps 256\n{steps}end\n")
    assert observed == predicted
    assert observed.table == {n: most - 2 * n for n in range(256)}


def test_lists_as_deep_as_they_may_be_fit_onto_every_stack(line: AgentConnection) -> None:
    # Nothing calls a hook in interrupt, so the eight levels stand around the contexts.
    hooks = "".join(f"{n} {'pause' if n % 2 else 'resume'} {{\n" for n in range(8))
    text = f"{HEAD.replace('merged', 'amended')}steps 11\n{hooks}8 softirq {{\n9 interrupt {{\n10 flush\n}}\n}}\n"
    predicted, observed = run_and_read(line, text + "}\n" * 8 + "end\n")
    assert observed == predicted
    assert observed.hooks.endswith("f" + "le" * 4)


def test_the_longest_case_arrives_whole(line: AgentConnection, tmp_path: Path) -> None:
    case = examples.case(tmp_path, LONGEST)
    text = program.text(case, run=1, api="merged", personality="x86_64")
    answer = line.run(text, Deadline.after(300))
    observed = report.parse(answer, case, run=1, api="merged", personality="x86_64")
    assert len(observed.steps) == MAX_OPERATIONS
    assert observed == predict(case, "merged", "x86_64")
    assert alive(line) == [0, 0]
