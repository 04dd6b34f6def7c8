# SPDX-License-Identifier: GPL-2.0-only
"""The module refuses a malformed program with the number of the wrong line, and runs everything up to the limits."""

import errno
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.protocol import program, report
from lazymmu.subject.case import Case
from lazymmu.subject.limits import MAX_OPERATIONS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.deadline import Deadline

from tests.guest import machines
from tests.unit import examples
from tests.unit.subject.notation import case

HEAD = "lazymmu-program 3\nrun 1\nrevision merged\npersonality arm64\n"
DEEP = "".join(f"{n} enable {{\n" for n in range(9)) + "9 check\n" + "}\n" * 9
OTHER = HEAD + "task other 1\n"
INTERRUPTED = "steps 3\n0 interrupt {\n1 flush {\n2 meanwhile other {\n"
TWICE = "steps 3\n0 meanwhile other {\n1 flush {\n2 meanwhile other {\n"
NAME = "n" * 32
CROWD = "".join(f"task t{n} {n % 2}\n" for n in range(63))
# Every operation that all revisions have: each context and a meanwhile wherever they are allowed, tasks on both CPUs,
# and calls in the middle of which other tasks run.
EVERYTHING = f"""
    task(other,1) task(third,1) W(0,4097) E W(1,8193) clear(0) S{{W(2,{2**64 - 1}) I{{F E C(other) might}}}}
    P[B{{I{{get(1)}}}}] R[O{{W(3,1) touch(3)}}] D load(1) tlb fork(child) switch(child) E W(4,3) D migrate(1) peek(4)
    switch(other) E D sleep(1) migrate(0) switch(main) might
    F[fork(young) switch(third) E[switch(young) D migrate(1) sleep(0) migrate(0) switch(third)] P switch(main)] R D
    O{{meanwhile(third){{F[B{{I{{W(5,1) might}}}}] S{{E}} peek(5)}} E[meanwhile(child){{O{{D}}}}] D}}
    B{{meanwhile(third){{I{{touch(5)}} might}}}} E[meanwhile(third){{R W(5,5) D}}] D meanwhile(child){{C(main)}}
"""


def numbered(steps: str) -> str:
    """Return the lines of a program from `steps` on, from steps that end with `;` and lists in braces."""
    lines = [word.strip() for word in steps.replace("{", "{;").split(";") if word.strip()]
    number = count()
    text = "".join(f"{line}\n" if line == "}" else f"{next(number)} {line}\n" for line in lines)
    return f"steps {next(number)}\n{text}end\n"


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
        pytest.param(HEAD + "steps 2\n0 touch 0 {\n1 check\n}\nend\n", 6, id="a list where none is allowed"),
        pytest.param(HEAD + f"steps 10\n{DEEP}end\n", 14, id="nine deep"),
        pytest.param(HEAD + "task main 0\nsteps 0\nend\n", 5, id="a name that is taken"),
        pytest.param(HEAD + f"task {NAME} 0\ntask {NAME}n 0\n", 6, id="a name that is too long"),
        pytest.param(HEAD + "task 2nd 0\nsteps 0\nend\n", 5, id="a wrong name"),
        pytest.param(HEAD + "task t 2\nsteps 0\nend\n", 5, id="an unknown CPU"),
        pytest.param(HEAD + f"{CROWD}task t63 0\nsteps 0\nend\n", 68, id="too many tasks"),
        pytest.param(HEAD + f"{CROWD}steps 1\n0 fork t63\nend\n", 69, id="one fork too many"),
        pytest.param(HEAD + "steps 2\n0 flush\n1 switch t\nend\n", 7, id="a task that nothing makes"),
        pytest.param(HEAD + "steps 2\n0 disable {\n1 check t\n}\nend\n", 7, id="the same where it does not run"),
        pytest.param(HEAD + "steps 1\n0 sleep 1001\nend\n", 6, id="a sleep that is too long"),
        pytest.param(HEAD + "steps 2\n0 irqs_off {\n1 sleep 1\n}\nend\n", 7, id="a sleep in a context"),
        pytest.param(OTHER + "steps 2\n0 meanwhile other {\n1 fork t\n}\nend\n", 8, id="a fork in a meanwhile"),
        pytest.param(OTHER + "steps 1\n0 meanwhile other\nend\n", 7, id="a meanwhile without a list"),
        pytest.param(OTHER + "steps 2\n0 softirq {\n1 meanwhile other {\n", 8, id="a meanwhile in a softirq"),
        pytest.param(OTHER + INTERRUPTED, 9, id="a meanwhile in an interrupt, by way of a before_hook"),
        pytest.param(OTHER + TWICE, 9, id="a meanwhile in a meanwhile, by way of a before_hook"),
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
    reply = line.run(text, Deadline.after(30))
    assert reply.status == errno.EINVAL
    assert [record for record in reply.records if record.startswith(f"lazymmu: program line {number}: ")]


@pytest.mark.parametrize(
    ("steps", "number", "what"),
    [
        ("switch main", 7, "task main already runs"),
        ("migrate 0", 7, "task main is already on CPU 0"),
        ("switch t; fork t", 7, "there is no task t"),
        ("flush { check t; }; fork t", 8, "there is no task t"),
        ("interrupt { pause_task t; }; fork t", 8, "there is no task t"),
        ("fork t; fork other", 8, "there is already a task other"),
        ("irqs_off { meanwhile main { check; }; }", 8, "task main already runs"),
        ("fork t; irqs_off { enable { meanwhile t { check; }; }; }", 10, "task t is on CPU 0, too"),
        ("flush { migrate 1; meanwhile other { check; }; }", 9, "task other is on CPU 1, too"),
        ("check; flush { switch other; }", 8, "its before_hook began in task main and ends in task other"),
        ("flush { switch other; check; }", 7, "its before_hook began in task main and ends in task other"),
        (
            "flush { switch other; flush { switch main; check; flush { check; }; }; }",
            9,
            "its before_hook began in task other and ends in task main",
        ),
    ],
)
def test_a_step_that_means_nothing_where_it_runs_ends_the_run(
    line: AgentConnection, steps: str, number: int, what: str
) -> None:
    reply = line.run(OTHER + numbered(steps), Deadline.after(30))
    assert reply.status == errno.EINVAL
    assert [record for record in reply.records if record.startswith("lazymmu: ")] == [
        f"lazymmu: program line {number}: {what}"
    ]
    assert machines.alive(line) == [0, 0]


def test_what_does_not_run_is_no_mistake(line: AgentConnection) -> None:
    steps = "resume { switch main; fork t; fork t; migrate 0; switch t; meanwhile main { check; }; }; fork t; switch t"
    reply = line.run(OTHER + numbered(steps), Deadline.after(30))
    assert reply.status == 0
    assert [record for record in reply.records if " step " in record][-1].startswith(
        "lazymmu: run 1 step 9 switch task=t "
    )


def test_a_context_of_too_many_steps_and_a_program_of_too_many_bytes_are_refused(line: AgentConnection) -> None:
    checks = "".join(f"{number} check\n" for number in range(1, 4098))
    for number, text in ((4103, f"{HEAD}steps 4098\n0 interrupt {{\n{checks}}}\nend\n"), (1, HEAD + "\n" * (4 << 20))):
        reply = line.run(text, Deadline.after(30))
        assert reply.status == errno.EINVAL
        assert [record for record in reply.records if record.startswith(f"lazymmu: program line {number}: more than ")]


def test_a_range_outside_the_table_is_refused(line: AgentConnection) -> None:
    head = HEAD.replace("merged", "amended") + "steps 1\n"
    for words in ("256 1", "0 257", "255 2", "0 0", "0", "0 1 2", "-1 1", "4294967296 1"):
        reply = line.run(f"{head}0 enable_with_ptes {words}\nend\n", Deadline.after(30))
        assert (words, reply.status) == (words, errno.EINVAL)


def runs_as_predicted(
    line: AgentConnection, given: Case, api: str = "merged", personality: str = "arm64", seconds: float = 30
) -> Trace:
    """Run a case and return its report, which must be the prediction."""
    text = program.text(given, run=1, api=api, personality=personality)
    reply = line.run(text, Deadline.after(seconds))
    observed = report.parse(reply, given, run=1, api=api, personality=personality)
    assert observed == predict(given, api, personality)
    assert machines.alive(line) == [0, 0]
    return observed


@pytest.mark.parametrize("api", REVISIONS)
def test_every_operation_runs_under_every_personality_on_every_guest(
    line: AgentConnection, api: str, everyday_or_all: Callable[[int, int], int]
) -> None:
    for personality in PERSONALITIES:
        for _ in range(everyday_or_all(1, 2)):
            runs_as_predicted(line, case(EVERYTHING), api, personality)


def test_a_sleep_takes_its_time_and_a_crowd_of_tasks_all_run(line: AgentConnection) -> None:
    crowd = " ".join(f"task(t{n},{n % 2})" for n in range(63))
    begin = time.monotonic()
    runs_as_predicted(line, case(f"{crowd} {' '.join(f'switch(t{n})' for n in range(63))} sleep(300)"))
    assert time.monotonic() - begin >= 0.3


def test_a_full_table_arrives_whole(line: AgentConnection) -> None:
    most = 2**64 - 1
    observed = runs_as_predicted(line, case(" ".join(f"W({n},{most - 2 * n})" for n in range(256))))
    assert observed.table == {n: most - 2 * n for n in range(256)}


def test_the_deepest_lists_fit_onto_every_stack(line: AgentConnection) -> None:
    # Nothing calls a hook in interrupt but flush, so the eight levels are around the contexts.
    observed = runs_as_predicted(line, case(f"{'R[P[' * 4}S{{I{{F}}}}{']]' * 4}"), "amended")
    assert observed.hooks.endswith("f" + "le" * 4)
    # Seven levels on one stack, then a list on the other CPU that has the eighth and all contexts.
    inner = "O{meanwhile(other){F[B{I{F}}]}}"
    observed = runs_as_predicted(line, case(f"task(other,1) F[{'R[P[' * 3}{inner}{']]' * 3}]"), "amended", "s390x")
    assert observed.hooks == "ff" + "pr" * 3 + "f"
    # Two stacks that go deeper in turn.
    turns = f"{'F[switch(other) F[switch(main) ' * 4}meanwhile(other){{I{{F}}}}{' switch(other)] switch(main)]' * 4}"
    assert runs_as_predicted(line, case(f"task(other,1) {turns}"), "merged", "xen").hooks == "f" * 9


# Every day on one architecture: what is long is the same text on all of them.
@pytest.mark.parametrize(
    "line",
    [pytest.param(arch, marks=() if arch == "arm64" else pytest.mark.exhaustive) for arch in machines.ARCHES],
    indirect=True,
)
def test_the_longest_case_arrives_whole(line: AgentConnection, tmp_path: Path) -> None:
    longest = "description: x\nsteps: [repeat: {times: 16384, steps: [enable, pause, resume, disable]}]\n"
    observed = runs_as_predicted(line, examples.case(tmp_path, longest), "merged", "x86_64", 300)
    assert len(observed.steps) == MAX_OPERATIONS
