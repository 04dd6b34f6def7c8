# SPDX-License-Identifier: GPL-2.0-only
"""Steps that cannot be done where they run: only a run shows who runs, and where (docs/semantics.md, section 2)."""

import pytest
from lazymmu.subject.case import Case, Step
from lazymmu.subject.limits import MAX_TASKS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.simulator import predict
from lazymmu.support.errors import Misplaced, Place, ScenarioError

from tests.unit.rows import each_row

from .notation import case, misplaced


@each_row(
    ("program", "said"),
    [
        ("F switch(main)", "3: task `main` runs already"),
        ("task(o,1) switch(o) switch(o)", "21: task `o` runs already"),
        ("migrate(0)", "1: task `main` is on CPU 0 already"),
        ("migrate(1) migrate(1)", "12: task `main` is on CPU 1 already"),
        ("fork(a) fork(a)", "9: task `a` exists already: a `fork` needs a new name"),
        ("task(o,1) fork(o)", "11: task `o` exists already: a `fork` needs a new name"),
        ("fork(main)", "1: task `main` exists already: a `fork` needs a new name"),
        ("switch(a) fork(a)", "1: there is no task `a` yet: no `fork` of it ran before"),
        ("C(a) fork(a)", "1: there is no task `a` yet: no `fork` of it ran before"),
        ("I{pause(a)} fork(a)", "3: there is no task `a` yet: no `fork` of it ran before"),
        ("meanwhile(a){F} fork(a)", "1: there is no task `a` yet: no `fork` of it ran before"),
        ("meanwhile(main){F}", "1: task `main` runs already: `meanwhile` needs a task of the other CPU"),
        (
            "task(o,0) E[meanwhile(o){F}]",
            "13: task `o` is on CPU 0, as the running task `main`: `meanwhile` needs a task of the other CPU",
        ),
        (
            "fork(a) B{meanwhile(a){F}}",
            "11: task `a` is on CPU 0, as the running task `main`: `meanwhile` needs a task of the other CPU",
        ),
        (
            "task(o,1) F[switch(o)]",
            "11: `before_hook` begins in task `main` and ends in `o`: switch back before its end",
        ),
        (
            "task(o,1) F[switch(o) F[switch(main)]]",
            "23: `before_hook` begins in task `o` and ends in `main`: switch back before its end",
        ),
    ],
)
def test_a_misplaced_step_is_named_with_its_place(program: str, said: str) -> None:
    for api in REVISIONS:
        if "pause" not in program or "pause_task" in REVISIONS[api].CALLS:
            assert {misplaced(program, api, arch) for arch in PERSONALITIES} == {said}


@each_row(
    "program",
    [
        "task(o,1) switch(o) switch(main) migrate(1) migrate(0) fork(a) switch(a)",
        "task(o,0) migrate(1) meanwhile(o){F}",
        "E E[switch(main) migrate(0)]",  # no hook is called: the steps do not run
        "I{E[F[F]]} task(o,1) F[switch(o) switch(main)]",
    ],
)
def test_other_steps_are_not(program: str) -> None:
    assert {misplaced(program, api, arch) for api in REVISIONS for arch in PERSONALITIES} == {""}


def test_whether_a_step_is_misplaced_depends_on_the_revision() -> None:
    """In merged a pause outside a section calls no hook, so the task does not move."""
    program = "P[migrate(1)] migrate(0)"
    assert misplaced(program, "proposal") == ""
    assert misplaced(program, "merged") == "15: task `main` is on CPU 0 already"


def test_a_fork_too_many_is_misplaced() -> None:
    forks = " ".join(f"fork(t{number})" for number in range(1, MAX_TASKS + 1))
    assert misplaced(forks).endswith(f"more than {MAX_TASKS} tasks with `main`")
    assert misplaced(forks.rpartition(" ")[0]) == ""


def block(*between: Step) -> Case:
    """Return a case of one block, and of another that has these steps."""

    def step(op: str, line: int, begins: str = "", ends: str = "") -> Step:
        return Step(line, op, Place("x.yaml", line, 1), begins=begins, ends=ends)

    first = (step("pause", 101, begins="paused"), step("resume", 102, ends="paused"))
    last = (step("enable", 103, begins="lazy"), *between, step("disable", 104, ends="lazy"))
    return Case({}, (*first, *last), tasks={"o": 1})


def test_a_block_ends_in_the_task_in_which_it_began() -> None:
    away, back = case("task(o,1) switch(o) switch(main)").steps
    assert predict(block(away, back), "merged", "arm64").hooks == "el"
    with pytest.raises(ScenarioError) as found:
        predict(block(away), "merged", "arm64")
    assert isinstance(found.value, Misplaced)
    said = "`lazy` begins in task `main` and ends in `o`: switch back before its end"
    assert str(found.value) == f"x.yaml:104:1: {said}"


def test_the_place_is_that_of_the_task_or_cpu_that_the_step_names() -> None:
    named = Place("x.yaml", 7, 14)
    step = Step(0, "switch", Place("x.yaml", 7, 5), {"task": "main"}, named=named)
    with pytest.raises(Misplaced, match=r"x\.yaml:7:14: task `main` runs already"):
        predict(Case({}, (step,)), "merged", "arm64")
