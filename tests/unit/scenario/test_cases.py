# SPDX-License-Identifier: GPL-2.0-only
"""The cases of a scenario: one for each combination of values."""

import itertools

from .workbench import Workbench

STEPS = "[repeat: {times: $a, steps: [enable]}, check: {enable: $b}, check: {disable: $c}]"


def test_each_combination_is_a_case_the_last_name_varying_fastest(bench: Workbench) -> None:
    cases = bench.steps(STEPS, "vary: {a: [0, 1, 2], b: [0, 1, 2, 3], c: [7, 5]}\nexpect: {values: [$b]}\n").cases
    wanted = [dict(zip("abc", values, strict=True)) for values in itertools.product(range(3), range(4), (7, 5))]
    assert [case.values for case in cases] == wanted
    for case, values in zip(cases, wanted, strict=True):
        assert [step.op for step in case.steps] == ["enable"] * values["a"] + ["check", "check"]
        assert [step.check.pins for step in case.steps if step.check] == [
            {"enable": values["b"]},
            {"disable": values["c"]},
        ]
        assert (case.expect[0].key, case.expect[0].value) == ("values", [values["b"]])
