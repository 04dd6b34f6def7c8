# SPDX-License-Identifier: GPL-2.0-only
"""Any text, bytes or structure gives problems at places of the file, or a scenario, and no other error."""

import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lazymmu.scenario.document import read_document
from lazymmu.scenario.steps import WORDS as STEP_WORDS
from lazymmu.scenario.strict_yaml.compose import compose
from lazymmu.scenario.strict_yaml.problems import Problems

from .workbench import Workbench

SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

WORDS = st.sampled_from(
    [*STEP_WORDS, "before_hook", "index", "count", "steps", "times", "as", "i", "$i", "$n", "n", "vary",
     "expect", "description", "tags", "api", "arch", "version", "amended", "merged", "s390x", "active", "depth",
     "pause_count", "hooks", "counters", "tasks", "main", "table", "values", "barriers", "other", "task",
     "cpu", "personality", "value", "e", "on", "010", "1:30",
     "$n+1", "$i*2-1", "$n+", "xen", "child", "~", "", "0x10", "&a", "*a", "!t x", "enabel", "$", "'", '"', "|"]
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
        scenario = read_document(root, "f", "f", problems)
        assert (scenario is None) == bool(problems.found)
    lines = text.count("\n") + text.count("\r") + 1
    for problem in problems.found:
        assert 1 <= problem.place.line <= lines + 1
        assert problem.place.column >= 1
        assert "\n" not in problem.message
        problem.message.encode()
    return [str(problem) for problem in problems.found]


@SETTINGS
@given(st.text() | st.text(alphabet=" \n-:[]{}#&*!|>'\"%@`,?abe01$~\t\\xuU", max_size=60))
def test_any_text_gives_problems_or_a_scenario(text: str) -> None:
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
