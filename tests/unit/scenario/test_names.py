# SPDX-License-Identifier: GPL-2.0-only
"""`vary`, `repeat ... as`, and `$name`: what they make, and what is wrong with them."""

from tests.unit.rows import each_row

from .workbench import Workbench, ops


def test_without_vary_there_is_one_case_without_values(bench: Workbench) -> None:
    assert [case.values for case in bench.steps("[enable]").cases] == [{}]


def test_names_may_be_times_index_count_and_pins(bench: Workbench) -> None:
    scenario = bench.steps(
        "[repeat: {times: $n, steps: [enable_with_ptes: {index: $i, count: $n}]}, check: {hooks: $h, enable: $i}]",
        "vary: {n: [1, 2], i: [7], h: [w, '']}\n",
    )
    assert [ops(scenario, case) for case in range(4)] == [
        "enable_with_ptes 7 1 check",
        "enable_with_ptes 7 1 check",
        "enable_with_ptes 7 2 enable_with_ptes 7 2 check",
        "enable_with_ptes 7 2 enable_with_ptes 7 2 check",
    ]
    checks = [case.steps[-1].check for case in scenario.cases]
    assert [check.pins for check in checks if check] == [{"hooks": h, "enable": 7} for h in ("w", "", "w", "")]


def test_repeat_counts_from_0_and_loops_may_depend_on_each_other(bench: Workbench) -> None:
    scenario = bench.steps(
        "[enable, repeat: {times: 3, as: i, steps: [repeat: {times: $i, as: j, steps: ["
        "enable_with_ptes: {index: $j, count: 1}]}, check: {depth: $i}]}]"
    )
    assert ops(scenario) == ("enable check enable_with_ptes 0 1 check enable_with_ptes 0 1 enable_with_ptes 1 1 check")
    checks = [step.check for step in scenario.cases[0].steps if step.check]
    assert [check.pins for check in checks] == [{"depth": 0}, {"depth": 1}, {"depth": 2}]


def test_a_first_turn_without_steps_does_not_end_a_loop(bench: Workbench) -> None:
    inner = "repeat: {times: $i, steps: [enable]}"
    assert ops(bench.steps(f"[flush, repeat: {{times: 3, as: i, steps: [{inner}]}}]")) == "flush enable enable enable"


def test_cases_whose_steps_come_out_the_same_share_them(bench: Workbench) -> None:
    scenario = bench.accept("description: d\nvary: {n: [1, 2]}\nsteps: [enable]\nexpect: {outstanding: $n}\n")
    first, second = scenario.cases
    assert first.steps is second.steps
    assert [case.expect[0].value for case in scenario.cases] == [1, 2]


def test_only_equal_values_of_the_same_kind_are_twice_the_same(bench: Workbench) -> None:
    problems = bench.refuse("description: d\nvary: {n: [1, true, '1', true, 0x1, '1']}\nsteps: [check: {depth: $n}]\n")
    assert problems == [
        "2:26: `true` is in `vary` of `n` twice",
        "2:32: `1` is in `vary` of `n` twice",
        "2:37: `1` is in `vary` of `n` twice",
    ]


@each_row(
    ("vary", "problem"),
    [
        ("{n: []}", "2:11: `vary` of `n` is empty: it takes a list of values, for example [1, 2]"),
        ("{n: [1], m: [1]}", "2:16: `$m` is never used"),
        ("{n: [1, 010]}", "2:15: `010` is not an integer here: write 10 or 8"),
        ("{n: [1, [2]]}", "2:15: an item of `vary` of `n` takes an integer, true, false or a word, not a list"),
        ("{n: [1, $n]}", "2:15: an item of `vary` of `n` takes an integer, true, false or a word, not `$n`"),
        ("{n: [1], 'a b': [1]}", "2:16: `a b` cannot be a name: letters, digits and _ only"),
        ("{n: [1], n: [2]}", "2:16: `n` is here twice (first in line 2)"),
        ("[n]", "2:7: `vary` takes names with their values"),
    ],
)
def test_a_wrong_vary_is_named_at_its_place(bench: Workbench, vary: str, problem: str) -> None:
    problems = bench.refuse(f"description: d\nvary: {vary}\nsteps: [check: {{depth: $n}}]\n")
    assert problems[0].startswith(problem)
    assert all("unknown name" in other for other in problems[1:])
    assert len(problems) == 1 or vary in ("[n]", "{}")


@each_row(
    ("steps", "problem"),
    [
        ("[check: {depth: $n, outstanding: $m}]", "3:41: unknown name `$m` (known: $n)"),
        ("[check: {depth: $n, outstanding: $nn}]", "3:41: unknown name `$nn` (did you mean `$n`?)"),
        ("[check: {active: $n}]", "3:25: `active` takes true or false, not `1` (`$n` may be that)"),
        ("[repeat: {times: $n, as: n, steps: [pause]}]",
         "3:33: `n` is the name of something else here: choose another"),
        ("[repeat: {times: $n, as: i, steps: [repeat: {times: 1, as: i, steps: [flush]}]}]",
         "3:67: `i` is the name of something else here: choose another"),
        ("[repeat: {times: $n, as: 1, steps: [enable]}]", "3:33: `as` takes a name (letters, digits and _), not `1`"),
        ("[repeat: {times: $n, as: i, steps: [enable]}, check: {depth: $i}]", "3:69: unknown name `$i` (known: $n)"),
        ("[check: {depth: $n, api: [$n]}]", "3:34: `api` takes one of proposal, "),
        ("[enable_with_ptes: {index: $n, count: 255}]", "3:46: the range ends at 257"),
        ("[repeat: {times: 300, as: i, steps: [enable_with_ptes: {index: $i, count: $n}]}]",
         "3:71: `index` takes an integer from 0 to 255, not `299` (`$i` may be that)"),
        ("[repeat: {times: 5, as: i, steps: [enable_with_ptes: {index: $n, count: $i}]}]",
         "3:80: `count` takes an integer from 1 to 256, not `0` (`$i` may be that)"),
        ("[repeat: {times: 256, as: i, steps: [enable_with_ptes: {index: $i, count: $n}]}]",
         "3:82: the range ends at 257"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_reported_at_its_place(bench: Workbench, steps: str, problem: str) -> None:
    head = "description: d\nvary: {n: [1, 2]}\n"
    problems = bench.refuse(f"{head}steps: {steps}\n")
    assert [text.startswith(problem) for text in problems] in ([True], [True, False])
    assert len(problems) == 1 or "is never used" in problems[1]


@each_row(
    ("repeat", "problem"),
    [
        ("times: -1, steps: [enable]", "2:25: `times` takes an integer of at least 0, not `-1`"),
        ("times: 2", "2:9: `repeat` needs `steps`: write `- repeat: {times: 2, steps: [..]}`"),
        ("steps: [enable]", "2:9: `repeat` needs `times`: write `- repeat: {times: 2, steps: [..]}`"),
        ("times: 2, step: [enable], steps: [flush]", "2:28: unknown key `step` in `repeat` (did you mean `steps`?)"),
    ],
)
def test_a_wrong_repeat_is_named_at_its_place(bench: Workbench, repeat: str, problem: str) -> None:
    assert bench.wrong(f"[repeat: {{{repeat}}}]") == problem


def test_names_are_not_for_keys_or_the_head(bench: Workbench) -> None:
    problems = bench.refuse(
        "description: d\ntags: [$n]\nvary: {n: [1]}\nsteps: [enable]\nexpect: {table: {$n: 1}, outstanding: $n}\n"
    )
    assert problems == [
        "2:8: a tag needs quotes: `$n` may be read as something else",
        "5:18: a key of `table` takes an integer from 0 to 255, not `$n`",
    ]


def test_a_loop_name_does_not_reach_expect(bench: Workbench) -> None:
    problems = bench.refuse(
        "description: d\nsteps: [repeat: {times: 1, as: i, steps: [check: {depth: $i}]}]\nexpect: {outstanding: $i}\n"
    )
    assert problems == ["3:23: unknown name `$i`"]
