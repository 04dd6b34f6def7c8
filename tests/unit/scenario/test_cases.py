# SPDX-License-Identifier: GPL-2.0-only
"""The cases of a scenario: a sequence that makes each case when it is needed, and holds only a few."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from lazymmu.subject.case import Scenario

from .workbench import Workbench

STEPS = "[repeat: {times: $a, steps: [enable]}, check: {enable: $b}, check: {disable: $c}]"


def varied(bench: Workbench, first: int = 3, second: int = 4) -> Scenario:
    head = f"vary: {{a: {list(range(first))}, b: {list(range(second))}, c: [7, 5]}}\n"
    return bench.steps(STEPS, f"{head}expect: {{values: [$b]}}\n")


def test_each_number_is_one_combination_the_last_name_varying_fastest(bench: Workbench) -> None:
    cases = varied(bench).cases
    wanted = [dict(zip("abc", values, strict=True)) for values in itertools.product(range(3), range(4), (7, 5))]
    assert len(cases) == len(wanted)
    assert [cases.values(number) for number in range(len(cases))] == wanted
    for number in (23, 0, 11, 1, 22):
        case, values = cases[number], wanted[number]
        assert case.values == values
        assert [step.op for step in case.steps] == ["enable"] * values["a"] + ["check", "check"]
        assert [step.check.pins for step in case.steps if step.check] == [
            {"enable": values["b"]},
            {"disable": values["c"]},
        ]
        assert case.expect[0].pins == {"values": [values["b"]]}


def test_cases_are_a_sequence(bench: Workbench) -> None:
    cases = varied(bench).cases
    assert cases[-1] == cases[23]
    assert tuple(cases)[20:] == (cases[20], cases[21], cases[22], cases[23])
    for number in (24, -25):
        with pytest.raises(IndexError):
            cases[number]
        with pytest.raises(IndexError):
            cases.values(number)


def test_many_threads_get_the_same_cases_as_one(bench: Workbench) -> None:
    cases = varied(bench).cases
    alone = tuple(cases)
    shared = varied(bench).cases  # nothing made yet
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: tuple(shared), range(8)):
            assert found == alone
