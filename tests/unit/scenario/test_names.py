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
        ("[m]", "2:8: a case of `vary` takes names with their values, for example {depth: 1}, not the word `m`"),
        ("3", "2:7: `vary` takes names with their values, for example {depth: [1, 2]}, not `3`"),
    ],
)
def test_a_wrong_vary_is_named_at_its_place(bench: Workbench, vary: str, problem: str) -> None:
    problems = bench.refuse(f"description: d\nvary: {vary}\nsteps: [check: {{depth: $n}}]\n")
    assert problems[0].startswith(problem)
    assert all("unknown name" in other for other in problems[1:])
    assert len(problems) == 1 or vary in ("[m]", "3", "{}")


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


def test_vary_may_list_its_cases_so_that_values_go_together(bench: Workbench) -> None:
    scenario = bench.accept(
        "description: d\nvary: [{n: 1, hooks: el, cpu: [0, 1]}, {cpu: 1, n: [2, 3], hooks: efl}]\n"
        "steps: [repeat: {times: $n, steps: [set_pte: {index: $cpu, value: 1}]}]\nexpect: {hooks: $hooks}\n"
    )
    assert [(case.values, case.expect[0].value) for case in scenario.cases] == [
        ({"n": 1, "hooks": "el", "cpu": 0}, "el"),
        ({"n": 1, "hooks": "el", "cpu": 1}, "el"),
        ({"n": 2, "hooks": "efl", "cpu": 1}, "efl"),
        ({"n": 3, "hooks": "efl", "cpu": 1}, "efl"),
    ]
    # Names are in the order of the first case.
    assert [[*case.values] for case in scenario.cases] == [["n", "hooks", "cpu"]] * 4
    assert ops(scenario, 2) == "set_pte 1 1 set_pte 1 1"


@each_row(
    ("vary", "problem"),
    [
        ("[{n: 1, m: 2}, {n: 2}]", "2:22: this case of `vary` has no `m`: all cases have the same names"),
        ("[{n: 1}, {n: 2, m: 2}]", "2:8: this case of `vary` has no `m`: all cases have the same names"),
        ("[{n: 1}, {n: [1, 2]}]", "2:16: `vary` has the same case twice (with n: 1)"),
        ("[{n: [1, 1]}]", "2:16: `1` is in `vary` of `n` twice"),
        ("[{n: 1}, {n: $n}]", "2:20: an item of `vary` of `n` takes an integer, true, false or a word, not `$n`"),
        ("[{n: 1}, {n: {a: 1}}]", "2:20: `vary` of `n` takes a list of values, for example [1, 2], not a mapping"),
        ("[{n: 1}, {}]", "2:16: a case of `vary` is empty: it takes names with their values, for example {depth: 1}"),
        ("[{n: 1}, {n: 256}]", "3:24: `depth` takes an integer from 0 to 255, not `256` (`$n` may be that)"),
    ],
)
def test_a_wrong_case_of_vary_is_named_at_its_place(bench: Workbench, vary: str, problem: str) -> None:
    assert bench.refuse(f"description: d\nvary: {vary}\nsteps: [check: {{depth: $n}}]\n") == [problem]


def test_a_range_is_checked_in_the_cases_that_there_are(bench: Workbench) -> None:
    steps = "steps: [enable_with_ptes: {index: $i, count: $n}]\n"
    bench.accept(f"description: d\nvary: [{{i: 0, n: 256}}, {{i: 255, n: 1}}]\n{steps}")
    assert bench.refuse(f"description: d\nvary: [{{i: 0, n: 1}}, {{i: 254, n: 3}}]\n{steps}") == [
        "3:46: the range ends at 257: the table has entries 0 to 255 (with i: 254, n: 3)"
    ]


def test_an_integer_may_follow_a_name(bench: Workbench) -> None:
    scenario = bench.accept(
        "description: d\nvary: {n: [1, 3]}\ntasks: {other: {cpu: $n*0+1}}\nsteps:\n"
        "  - repeat: {times: $n-1, as: i, steps: [set_pte: {index: $i*2+1, value: $i*0x1000+0x1001}]}\n"
        "  - enable_with_ptes: {index: $n-1, count: $n*2}\n"
        "  - check: {enable: $n*10, active: true}\n"
        "  - get_pte: {index: $n, expect: $n+4}\n"
        "expect: {values: [$n+4], counters: {disable: $n*2-2}, outstanding: $n-0x1}\n"
    )
    assert [ops(scenario, case) for case in range(2)] == [
        "enable_with_ptes 0 2 check get_pte 1",
        "set_pte 1 4097 set_pte 3 8193 enable_with_ptes 2 6 check get_pte 3",
    ]
    assert [case.tasks for case in scenario.cases] == [{"other": 1}] * 2
    last = scenario.cases[1].steps
    assert last[-2].check is not None
    assert (last[-2].check.pins, last[-1].answer) == ({"enable": 30, "active": True}, 7)
    assert [part.value for part in scenario.cases[1].expect] == [[7], {"disable": 4}, 2]


@each_row(
    ("steps", "problem"),
    [
        ("[touch: $n-2]", "3:16: `touch` takes an integer from 0 to 255, not `-1` (`$n-2` may be that)"),
        ("[touch: $n*128]", "3:16: `touch` takes an integer from 0 to 255, not `256` (`$n*128` may be that)"),
        ("[repeat: {times: 255, as: i, steps: [touch: $i+$n]}]", "3:52: `$i+$n` is not a name: "),
        ("[repeat: {times: 255, as: i, steps: [touch: $i+2]}]",
         "3:52: `touch` takes an integer from 0 to 255, not `256` (`$i+2` may be that)"),
        ("[repeat: {times: 2, as: i, steps: [touch: $i-1]}]",
         "3:50: `touch` takes an integer from 0 to 255, not `-1` (`$i-1` may be that)"),
        ("[set_pte: {index: 0, value: $n*0xffffffffffffffff}]",
         "3:36: `value` takes an integer from 0 to 18446744073709551615, not `36893488147419103230`"),
        ("[check: {hooks: $h+1, outstanding: $n}]", "3:24: `$h+1` needs an integer, and `$h` may be `e`"),
        ("[check: {active: $n+1}]", "3:25: `active` takes true or false, not `2` (`$n+1` may be that)"),
        ("[check: {depth: $m+1}]", "3:24: unknown name `$m+1` (known: $n, $h)"),
        ("[check: {depth: $nn+1}]", "3:24: unknown name `$nn+1` (did you mean `$n`?)"),
        ("[repeat: {times: $n-2, steps: [flush]}]", "3:25: `times` takes an integer of at least 0, not `-1`"),
        ("[switch: $n+1]", "3:17: `switch` takes a task's name (letters, digits, `_` and `-`): a `$name` is not"),
    ],
)  # fmt: skip
def test_what_follows_a_name_must_fit_in_every_case(bench: Workbench, steps: str, problem: str) -> None:
    head = "description: d\nvary: {n: [1, 2], h: [e, el]}\n"
    (found,) = bench.refuse(f"{head}steps: {steps}\nexpect: {{outstanding: $n, hooks: $h}}\n")
    assert found.startswith(problem)


def test_a_loop_of_names_that_follow_names_is_bounded_by_them(bench: Workbench) -> None:
    problem = bench.wrong("[repeat: {times: $n*100, as: i, steps: [touch: $i]}]", "vary: {n: [1, 3]}\n")
    assert problem == "3:55: `touch` takes an integer from 0 to 255, not `299` (`$i` may be that)"
