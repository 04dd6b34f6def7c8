# SPDX-License-Identifier: GPL-2.0-only
"""Expansion stops at the limits: a bomb costs no more than the largest case."""

from __future__ import annotations

import time
import tracemalloc

from tests.unit.rows import each_row

from .workbench import Workbench


def repeated(times: str | int, steps: str) -> str:
    return f"[repeat: {{times: {times}, steps: {steps}}}]"


def test_65536_operations_are_allowed_and_quickly_made(bench: Workbench) -> None:
    start = time.process_time()
    scenario = bench.steps(repeated(256, repeated(128, "[lazy: []]")))
    assert time.process_time() - start < 5
    assert [step.index for step in scenario.cases[0].steps] == list(range(65536))


def test_65537_operations_are_refused_at_the_step_that_is_too_much(bench: Workbench) -> None:
    steps = "[enable, repeat: {times: 32768, steps: [lazy: []]}]"
    assert bench.wrong(steps) == "2:17: more than 65,536 operations after expansion, up to this step"


def test_a_billion_ten_deep_costs_no_more_than_the_largest_case(bench: Workbench) -> None:
    steps = "[lazy: [interrupt: [flush]]]"
    for _ in range(10):
        steps = repeated(1_000_000_000, steps)
    tracemalloc.start()
    assert bench.wrong(steps) == "2:9: more than 65,536 operations after expansion, up to this step"
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@each_row("inner", ["repeat: {times: 0, steps: [enable]}", "repeat: {times: $i, steps: []}"])
def test_turns_that_make_nothing_are_limited(bench: Workbench, inner: str) -> None:
    start = time.process_time()
    problem = bench.wrong(f"[enable, repeat: {{times: 1000000000, as: i, steps: [{inner}]}}]")
    assert problem == "2:17: more than 262,144 steps and turns of `repeat` after expansion, up to this step"
    assert time.process_time() - start < 5


def test_the_case_that_is_too_large_is_named(bench: Workbench) -> None:
    problem = bench.wrong(repeated("$n", "[enable]"), "vary: {n: [1, 65536, 65537, 65538]}\n")
    assert problem == "3:9: more than 65,536 operations after expansion, up to this step (with n: 65537)"


def test_65536_cases_are_allowed_and_one_more_is_not(bench: Workbench) -> None:
    def vary(first: int) -> str:
        return f"vary: {{a: {list(range(first))}, b: {list(range(256))}}}\n"

    assert len(bench.steps("[check: {enable: $a, disable: $b}]", vary(256)).cases) == 65536
    assert bench.wrong("[check: {enable: $a, disable: $b}]", vary(257)) == "1:1: `vary` makes more than 65,536 cases"


def test_all_cases_together_are_limited(bench: Workbench) -> None:
    def vary(cases: int) -> str:
        return f"vary: {{a: {list(range(cases))}}}\n"

    steps = "[repeat: {times: 65535, steps: [enable]}, check: {enable: $a}]"  # 131,072 visits with the turns
    assert len(bench.steps(steps, vary(31)).cases) == 31
    problem = bench.wrong(steps, vary(33))
    assert problem == "3:1: more than 4,194,304 steps and turns of `repeat` in all cases together"


def test_an_interrupt_is_counted_in_every_turn(bench: Workbench) -> None:
    inner = "repeat: {times: $i, steps: [repeat: {times: 2000, steps: [flush]}]}"
    problem = bench.wrong(f"[repeat: {{times: 4, as: i, steps: [interrupt: [flush, {inner}]]}}]")
    assert problem == "2:43: more than 4,096 operations in this `interrupt` (with i: 3)"


@each_row("body", ["[repeat: {times: $n, steps: [flush]}]", "[repeat: {times: $n, steps: [lazy: []]}]"])
def test_an_interrupt_left_empty_is_refused(bench: Workbench, body: str) -> None:
    bench.steps(f"[interrupt: {body}]", "vary: {n: [1, 2]}\n")
    assert (
        bench.wrong(f"[interrupt: {body}]", "vary: {n: [1, 0]}\n")
        == "3:9: no steps left in this `interrupt` (with n: 0)"
    )


def test_a_case_without_steps_is_refused(bench: Workbench) -> None:
    assert bench.wrong(repeated(0, "[enable]")) == "2:1: no steps left after expansion"
    assert bench.wrong(repeated("$n", "[enable]"), "vary: {n: [1, 0]}\n") == (
        "3:1: no steps left after expansion (with n: 0)"
    )


def test_a_limit_is_reported_with_other_mistakes(bench: Workbench) -> None:
    assert bench.refuse("description: d\nsteps: [enabel, repeat: {times: 65537, steps: [enable]}]\n") == [
        "2:9: unknown step `enabel` (did you mean `enable`?)",
        "2:17: more than 65,536 operations after expansion, up to this step",
    ]


def test_an_empty_list_is_not_reported_if_a_step_could_not_be_read(bench: Workbench) -> None:
    assert bench.wrong("[enabel]") == "2:9: unknown step `enabel` (did you mean `enable`?)"
    assert bench.wrong("[enable, interrupt: [flsh]]") == "2:29: unknown step `flsh` (did you mean `flush`?)"
