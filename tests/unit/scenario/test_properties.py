# SPDX-License-Identifier: GPL-2.0-only
"""Properties: nothing but our own errors from any text, and counting agrees with making."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lazymmu.scenario.context import Context
from lazymmu.scenario.document import read_document
from lazymmu.scenario.expansion import Expansion, expander
from lazymmu.scenario.steps import WORDS as STEP_WORDS
from lazymmu.scenario.steps import read_steps
from lazymmu.scenario.strict_yaml.compose import compose
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.subject.case import Case, Values
from lazymmu.subject.limits import MAX_OPERATIONS

from .workbench import Workbench

SETTINGS = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

WORDS = st.sampled_from(
    [*STEP_WORDS, "before_hook", "index", "count", "steps", "times", "as", "i", "$i", "$n", "n", "vary",
     "expect", "description", "tags", "api", "arch", "version", "amended", "merged", "s390x", "active", "depth",
     "pause_count", "hooks", "counters", "tasks", "main", "table", "values", "barriers", "other", "task",
     "cpu", "personality", "value", "e", "on", "010", "1:30",
     "~", "", "0x10", "&a", "*a", "!t x", "enabel", "$", "'", '"', "|"]
)  # fmt: skip
SCALARS = st.one_of(
    WORDS, st.integers(-3, 300), st.integers(), st.booleans(), st.none(), st.floats(), st.text(max_size=5)
)


def structures(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
        max_leaves=25,
    )


def look(text: str, parser: Any) -> list[str]:
    """Read a text as `load` does; return its problems."""
    problems = Problems()
    root = compose(text, "f", problems, parser)
    if root is not None:
        scenario = read_document(root, "f", "f", problems, expander())
        assert (scenario is None) == bool(problems.found)
    lines = text.count("\n") + text.count("\r") + 1
    for problem in problems.found:
        assert 1 <= problem.place.line <= lines + 1
        assert problem.place.column >= 1
        assert "\n" not in problem.message
        problem.message.encode()
    return [str(problem) for problem in problems.found]


@SETTINGS
@given(st.text())
def test_any_text_gives_problems_or_a_scenario(text: str) -> None:
    look(text, yaml.SafeLoader)
    look(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@SETTINGS
@given(st.text(alphabet=" \n-:[]{}#&*!|>'\"%@`,?abe01$~\t\\xuU", max_size=60))
def test_any_text_of_yaml_s_own_characters_gives_problems_or_a_scenario(text: str) -> None:
    look(text, yaml.SafeLoader)
    look(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@SETTINGS
@given(st.binary(max_size=40))
def test_any_bytes_in_a_file_give_a_scenario_error(bench: Workbench, content: bytes) -> None:
    bench.refuse(content)


def flow(value: Any) -> str:
    """Write a structure with its words as they are, so that they may be traps, aliases or syntax errors."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


@SETTINGS
@given(st.dictionaries(WORDS, structures(SCALARS), max_size=5), structures(SCALARS), structures(SCALARS))
def test_any_structure_gives_problems_or_a_scenario(others: dict[str, Any], steps: Any, expect: Any) -> None:
    document = {**others, "description": "d", "steps": steps, "expect": expect}
    look("".join(f"{key}: {flow(value)}\n" for key, value in document.items()), yaml.SafeLoader)
    quoted = yaml.safe_dump(document, allow_unicode=True)
    assert look(quoted, yaml.SafeLoader) == look(quoted, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


TIMES = st.sampled_from([0, 1, 2, 3, "$n", "$m", "$i", "$j", "$k"])


@st.composite
def programs(
    draw: st.DrawFn, names: tuple[str, ...] = ("n", "m"), depth: int = 4, interrupt: bool = False
) -> list[Any]:
    """Draw a list of right steps whose repeats may depend on each other."""
    steps: list[Any] = []
    for _ in range(draw(st.integers(0 if depth < 4 else 1, 3))):
        kinds = ["enable", "check"] if depth == 0 else ["enable", "check", "lazy", "repeat", "hook", "interrupt"]
        kind = draw(st.sampled_from(kinds))
        if kind == "enable":
            steps.append(draw(st.sampled_from(["enable", "flush"])))
        elif kind == "check":
            steps.append({"check": {"enable": f"${draw(st.sampled_from(names))}"}})
        elif kind == "repeat":
            name = "ijkl"[4 - depth]
            times = draw(TIMES.filter(lambda times: not isinstance(times, str) or times[1:] in names))
            steps.append(
                {"repeat": {"times": times, "as": name, "steps": draw(programs((*names, name), depth - 1, interrupt))}}
            )
        elif kind == "interrupt" and not interrupt:
            steps.append({"interrupt": ["flush", *draw(programs(names, depth - 1, True))]})
        elif kind == "hook":
            steps.append({"pause": {"before_hook": ["flush", *draw(programs(names, depth - 1, interrupt))]}})
        else:
            steps.append({"lazy": draw(programs(names, depth - 1, interrupt))})
    return steps


@SETTINGS
@given(programs(), st.lists(st.integers(0, 4), unique=True, min_size=1, max_size=3))
def test_steps_are_numbered_in_the_order_of_the_text(bench: Workbench, steps: list[Any], values: list[int]) -> None:
    head = f"description: d\nvary: {{n: {values}, m: [2]}}\nexpect: {{values: [$n, $m]}}\n"
    scenario = bench.accept(f"{head}steps: {flow(['flush', *steps])}\n")
    for case in scenario.cases:
        made = list(case.walk())
        assert [step.index for step in made] == list(range(len(made)))
        assert len(made) <= MAX_OPERATIONS


TASKS = st.sampled_from(["main", "other", "a", "b"])


@st.composite
def moves(draw: st.DrawFn, names: tuple[str, ...] = ("n", "m"), depth: int = 3) -> list[Any]:
    """Draw a list of steps that switch, fork and migrate, most of them where they cannot be done."""
    steps: list[Any] = []
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["switch", "fork", "migrate", "check", "repeat"] if depth else ["switch", "check"]))
        if kind == "repeat":
            name = "ijk"[3 - depth]
            times = draw(TIMES.filter(lambda times: not isinstance(times, str) or times[1:] in names))
            body = draw(moves((*names, name), depth - 1))
            steps.append({"repeat": {"times": times, "as": name, "steps": ["flush", *body]}})
        elif kind == "migrate":
            steps.append({"migrate": {"cpu": draw(st.sampled_from([0, 1, "$m"]))}})
        elif kind == "check":
            steps.append({"softirq": [{"check": {"task": draw(TASKS), "depth": 0}}]})
        else:
            steps.append({kind: draw(TASKS)})
    return steps


def can_be_done(case: Case) -> bool:
    """Return whether each step of a case can be done where it stands, one after the other."""
    running, cpus = "main", {"main": 0, **case.tasks}
    for step in case.walk():
        name = str(step.args.get("task", running))
        if (name in cpus) is (step.op == "fork"):
            return False
        if step.op == "fork":
            cpus[name] = cpus[running]
        elif step.op == "switch":
            if name == running:
                return False
            running = name
        elif step.op == "migrate":
            if step.args["cpu"] == cpus[running]:
                return False
            cpus[running] = int(step.args["cpu"])
    return True


@SETTINGS
@given(moves(), st.lists(st.integers(0, 3), unique=True, min_size=1, max_size=3))
def test_what_is_refused_is_what_cannot_be_done(steps: list[Any], values: list[int]) -> None:
    problems = Problems()
    root = compose(flow(["flush", *steps]), "f", problems)
    assert root is not None
    context = Context(problems, names={"n": values, "m": [0, 1]})
    templates = read_steps(context, root, "steps")
    assert templates is not None
    assert not problems.found
    made = Expansion(root.place, templates, [], {"other": 1}, context.forks, ["n", "m"], expander())
    for value in values:
        for cpu in (0, 1):
            names: Values = {"n": value, "m": cpu}
            assert bool(made.expanded(names).problems) is not can_be_done(made(names))
