# SPDX-License-Identifier: GPL-2.0-only
"""Expansion stops at the limits: a bomb costs no more than the largest case."""

import tracemalloc
from collections.abc import Callable

import pytest
from lazymmu.scenario import expansion, vary
from lazymmu.subject.limits import MAX_OPERATIONS
from lazymmu.support.project import ROOT

from tests.unit.rows import each_row

from .workbench import Workbench


def repeated(times: str | int, steps: str) -> str:
    return f"[repeat: {{times: {times}, steps: {steps}}}]"


def test_the_guide_has_the_limits() -> None:
    guide = (ROOT / "docs" / "scenarios.md").read_text().partition("## Limits")[2]
    for limit in (vary.MAX_CASES, MAX_OPERATIONS, expansion.MAX_VISITS):
        assert f"{limit:,}" in guide


def test_as_many_operations_as_the_limit_are_allowed_and_one_more_is_refused_at_its_step(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, everyday_or_all: Callable[[int, int], int]
) -> None:
    assert MAX_OPERATIONS == 65_536
    limit = everyday_or_all(4_096, MAX_OPERATIONS)
    monkeypatch.setattr(expansion, "MAX_OPERATIONS", limit)
    scenario = bench.steps(repeated(limit // 256, repeated(128, "[lazy: []]")))
    assert [step.index for step in scenario.cases[0].steps] == list(range(limit))
    problem = bench.wrong(f"[enable, repeat: {{times: {limit // 2}, steps: [lazy: []]}}]")
    assert problem == f"2:17: more than {limit:,} operations after expansion, up to this step"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the limits so small that a bomb takes milliseconds."""
    monkeypatch.setattr(expansion, "MAX_OPERATIONS", 1_000)
    monkeypatch.setattr(expansion, "MAX_VISITS", 10_000)
    monkeypatch.setattr(vary, "MAX_CASES", 256)


@pytest.mark.usefixtures("small")
def test_a_billion_ten_deep_costs_no_more_than_the_largest_case(bench: Workbench) -> None:
    steps = "[lazy: [interrupt: [flush]]]"
    for _ in range(10):
        steps = repeated(1_000_000_000, steps)
    tracemalloc.start()
    assert bench.wrong(steps) == "2:9: more than 1,000 operations after expansion, up to this step"
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


@pytest.mark.usefixtures("small")
@each_row("inner", ["repeat: {times: 0, steps: [enable]}", "repeat: {times: $i, steps: []}"])
def test_turns_that_make_nothing_are_limited(bench: Workbench, inner: str) -> None:
    problem = bench.wrong(f"[enable, repeat: {{times: 1000000000, as: i, steps: [{inner}]}}]")
    limit = "10,000 steps and turns of `repeat` in all cases"
    assert problem == f"2:17: more than {limit} after expansion, up to this step"


@pytest.mark.usefixtures("small")
def test_the_case_that_is_too_large_is_named(bench: Workbench) -> None:
    problem = bench.wrong(repeated("$n", "[enable]"), "vary: {n: [1, 1000, 1001, 1002]}\n")
    assert problem == "3:9: more than 1,000 operations after expansion, up to this step (with n: 1001)"


@pytest.mark.usefixtures("small")
def test_256_cases_are_allowed_and_one_more_is_not(bench: Workbench) -> None:
    def varied(first: int) -> str:
        return f"vary: {{a: {list(range(first))}, b: {list(range(16))}}}\n"

    assert len(bench.steps("[check: {enable: $a, disable: $b}]", varied(16)).cases) == 256
    assert bench.wrong("[check: {enable: $a, disable: $b}]", varied(17)) == "1:1: `vary` makes more than 256 cases"


@pytest.mark.usefixtures("small")
def test_all_cases_together_are_limited(bench: Workbench) -> None:
    def varied(cases: int) -> str:
        return f"vary: {{a: {list(range(cases))}}}\n"

    steps = "[repeat: {times: 999, steps: [enable]}, check: {enable: $a}]"  # 2,000 visits with the turns
    assert len(bench.steps(steps, varied(5)).cases) == 5
    limit = "10,000 steps and turns of `repeat` in all cases"
    assert bench.wrong(steps, varied(6)) == f"3:9: more than {limit} after expansion, up to this step (with a: 5)"


def test_an_interrupt_is_counted_in_every_turn(bench: Workbench) -> None:
    inner = "repeat: {times: $i, steps: [repeat: {times: 2000, steps: [flush]}]}"
    problem = bench.wrong(f"[repeat: {{times: 4, as: i, steps: [interrupt: [flush, {inner}]]}}]")
    assert problem == "2:43: more than 4,096 operations in this `interrupt` (with i: 3)"


def test_an_interrupt_left_empty_is_refused(bench: Workbench) -> None:
    steps = "[interrupt: [repeat: {times: $n, steps: [flush]}]]"
    bench.steps(steps, "vary: {n: [1, 2]}\n")
    assert bench.wrong(steps, "vary: {n: [1, 0]}\n") == "3:9: no steps left in this `interrupt` (with n: 0)"


def test_a_case_without_steps_is_refused(bench: Workbench) -> None:
    assert bench.wrong(repeated(0, "[enable]")) == "2:1: no steps left after expansion"
    assert bench.wrong(repeated("$n", "[enable]"), "vary: {n: [1, 0]}\n") == (
        "3:1: no steps left after expansion (with n: 0)"
    )


@pytest.mark.usefixtures("small")
def test_a_limit_is_reported_with_other_mistakes(bench: Workbench) -> None:
    assert bench.refuse("description: d\nsteps: [enabel, repeat: {times: 1001, steps: [enable]}]\n") == [
        "2:9: unknown step `enabel` (did you mean `enable`?)",
        "2:17: more than 1,000 operations after expansion, up to this step",
    ]


def test_an_empty_list_is_not_reported_if_a_step_could_not_be_read(bench: Workbench) -> None:
    assert bench.wrong("[enabel]") == "2:9: unknown step `enabel` (did you mean `enable`?)"
    assert bench.wrong("[enable, interrupt: [flsh]]") == "2:29: unknown step `flsh` (did you mean `flush`?)"
