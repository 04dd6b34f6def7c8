# SPDX-License-Identifier: GPL-2.0-only
"""`expect`: which part counts for which revision and architecture, and what may be pinned."""

from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS

from tests.unit.rows import each_row

from .workbench import Workbench

HEAD = "description: d\nsteps: [enable]\n"


def expected(bench: Workbench, expect: str, api: str, arch: str) -> dict[str, object]:
    scenario = bench.accept(f"{HEAD}expect: {expect}\n")
    return {part.key: part.value for part in scenario.cases[0].expected(api, arch)}


def test_every_part_of_a_trace_may_be_pinned(bench: Workbench) -> None:
    expect = (
        '{hooks: ef, hook_active: "01", counters: {enable: 0x10, warnings: 0}, values: [1, 0x2], outstanding: 0, '
        "table: {3: 4097, 0x10: 0x1001}, tasks: {main: {active: true}}}"
    )
    assert expected(bench, expect, "merged", "arm64") == {
        "hooks": "ef",
        "hook_active": "01",
        "counters": {"enable": 16, "warnings": 0},
        "values": [1, 2],
        "outstanding": 0,
        "table": {"3": 4097, "16": 4097},
        "tasks": {"main": {"active": True}},
    }


def test_empty_lists_tables_and_traces_may_be_pinned(bench: Workbench) -> None:
    expect = '{hooks: "", hook_active: "", values: [], table: {}}'
    assert expected(bench, expect, "merged", "arm64") == {"hooks": "", "hook_active": "", "values": [], "table": {}}


def test_each_part_has_the_place_of_its_key(bench: Workbench) -> None:
    scenario = bench.accept(
        HEAD + "expect:\n  hooks: e\n  merged:\n    s390x:\n      hooks: el\n      outstanding: 0\n"
    )
    places = {part.key: part.place[1:] for part in scenario.cases[0].expected("merged", "s390x")}
    assert places == {"hooks": (7, 7), "outstanding": (8, 7)}
    (hooks,) = scenario.cases[0].expected("merged", "arm64")
    assert hooks.place.line == 4


@each_row("api", REVISIONS)
@each_row("arch", PERSONALITIES)
@each_row(
    "expect",
    [
        "{hooks: e, amended: {hooks: ee, s390x: {hooks: eee}}}",
        "{amended: {s390x: {hooks: eee}, hooks: ee}, hooks: e}",
        "{s390x: {amended: {hooks: eee}}, hooks: e, amended: {hooks: ee}}",
    ],
)
def test_the_most_specific_part_counts_whatever_the_order(bench: Workbench, expect: str, api: str, arch: str) -> None:
    hooks = "e" if api != "amended" else "eee" if arch == "s390x" else "ee"
    assert expected(bench, expect, api, arch) == {"hooks": hooks}


def test_a_part_for_an_architecture_counts_in_every_revision(bench: Workbench) -> None:
    expect = "{s390x: {hooks: ee}, amended: {outstanding: 1}, hooks: e}"
    assert expected(bench, expect, "amended", "s390x") == {"hooks": "ee", "outstanding": 1}
    assert expected(bench, expect, "merged", "s390x") == {"hooks": "ee"}
    assert expected(bench, expect, "amended", "arm64") == {"hooks": "e", "outstanding": 1}


def test_two_equally_specific_parts_are_a_mistake_at_the_second(bench: Workbench) -> None:
    assert bench.refuse(HEAD + "expect: {s390x: {hooks: ee}, amended: {outstanding: 1, hooks: e}}\n") == [
        "3:56: `hooks` is pinned for `amended` and `s390x` in line 3 too: say which holds under `amended`, `s390x`"
    ]


def test_the_pair_s_own_part_settles_which_counts(bench: Workbench) -> None:
    expect = "{s390x: {hooks: ee, amended: {hooks: eee}}, amended: {hooks: e}}"
    assert expected(bench, expect, "amended", "s390x") == {"hooks": "eee"}
    assert expected(bench, expect, "amended", "arm64") == {"hooks": "e"}
    assert expected(bench, expect, "merged", "s390x") == {"hooks": "ee"}


@each_row(
    ("expect", "problem"),
    [
        ("{}", "3:9: `expect` is empty: it takes parts of a trace, for example {hooks: efl}"),
        ("{merged: {}}", "3:18: `merged` is empty"),
        ("{steps: []}", "3:10: `steps` cannot be pinned: use `check` at the step in question"),
        ("{hook: e}", "3:10: unknown key `hook` in `expect` (did you mean `hooks`?)"),
        ("{zz: {hooks: e}}", "3:10: unknown key `zz` in `expect`"),
        ("{merged: {amended: {hooks: e}}}", "3:19: `amended` is not allowed inside `merged`"),
        ("{arm64: {merged: {s390x: {hooks: e}}}}", "3:27: `s390x` is not allowed inside `arm64`"),
        ("{hooks: ex}", "3:17: `hooks` takes hook letters"),
        ("{hook_active: 010}", '3:23: `hook_active` needs quotes: "010"'),
        ('{hook_active: "012"}', "3:23: `hook_active` takes a string of 0 and 1 in quotes"),
        ("{outstanding: -1}", "3:23: `outstanding` takes an integer from 0 to 256, not `-1`"),
        ("{counters: {enabel: 1}}", "3:21: unknown counter `enabel` (did you mean `enable`?)"),
        ("{arm64: {counters: {iptes: 1}}}", "3:29: `arm64` has no counter `iptes`"),
        ("{values: [x]}", "3:19: an item of `values` takes an integer"),
        ("{table: [1]}", "3:17: `table` takes a mapping of entries to values"),
        ("{table: {256: 1}}", "3:18: a key of `table` takes an integer from 0 to 255, not `256`"),
        ("{table: {3: 1, 0x3: 1}}", "3:24: entry 3 is in `table` twice"),
        ("{tasks: {}}", "3:17: `tasks` is empty"),
        ("{tasks: {other: {active: true}}}", "3:18: unknown task `other` in `tasks` (known: main)"),
        ("{tasks: {main: {cuont: 1}}}", "3:25: unknown key `cuont` in `main` (did you mean `count`?)"),
        ("{tasks: {main: {active: 1}}}", "3:33: `active` takes true or false, not `1`"),
        ("{tasks: {main: {count: 256}}}", "3:32: `count` takes an integer from 0 to 255, not `256`"),
        ("{merged: {tasks: {main: {count: 0}}}}", "3:34: `merged` has no `count` (it has: enable_count, pause_count)"),
    ],
)
def test_a_wrong_expectation_is_named_at_its_place(bench: Workbench, expect: str, problem: str) -> None:
    problems = bench.refuse(f"{HEAD}expect: {expect}\n")
    assert len(problems) == 1, problems
    assert problems[0].startswith(problem)


def test_expect_may_use_names_of_vary(bench: Workbench) -> None:
    scenario = bench.accept(
        "description: d\nvary: {n: [1, 2], t: [e, el]}\nsteps: [enable]\n"
        "expect: {values: [$n, 7], counters: {enable: $n}, merged: {hooks: $t}}\n"
    )
    pins = [{part.key: part.value for part in case.expected("merged", "arm64")} for case in scenario.cases]
    assert [pin["values"] for pin in pins] == [[1, 7], [1, 7], [2, 7], [2, 7]]
    assert [pin["counters"] for pin in pins] == [{"enable": 1}, {"enable": 1}, {"enable": 2}, {"enable": 2}]
    assert [pin["hooks"] for pin in pins] == ["e", "el", "e", "el"]


def counters(bench: Workbench, expect: str, api: str, arch: str) -> dict[str, tuple[object, int]]:
    """Return the counters that are pinned, each with its value and the column of the part that pins it."""
    scenario = bench.accept(f"{HEAD}expect: {expect}\n")
    found: dict[str, tuple[object, int]] = {}
    for part in scenario.cases[0].expected(api, arch):
        assert isinstance(part.value, dict)
        assert not found.keys() & part.value.keys()
        found |= {name: (value, part.place.column) for name, value in part.value.items()}
    return found


def test_counters_of_overlapping_selectors_are_all_pinned(bench: Workbench) -> None:
    expect = (
        "{counters: {enable: 1, direct: 0}, "
        "merged: {counters: {warnings: 0}}, s390x: {counters: {direct: 2, iptes: 0}}}"
    )
    general, merged, s390x = 10, 53, 87
    assert counters(bench, expect, "merged", "s390x") == {
        "enable": (1, general),
        "warnings": (0, merged),
        "direct": (2, s390x),
        "iptes": (0, s390x),
    }
    assert counters(bench, expect, "merged", "arm64") == {
        "enable": (1, general),
        "direct": (0, general),
        "warnings": (0, merged),
    }
    assert counters(bench, expect, "v3", "s390x").keys() == {"enable", "direct", "iptes"}


def test_the_pair_s_own_counter_settles_it_and_no_other(bench: Workbench) -> None:
    rest = "merged: {counters: {direct: 1, deferred: 0}, s390x: {counters: {direct: 2}}}"
    assert counters(bench, f"{{s390x: {{counters: {{direct: 3}}}}, {rest}}}", "merged", "s390x")["direct"][0] == 2
    assert bench.refuse(f"{HEAD}expect: {{s390x: {{counters: {{direct: 3, deferred: 1}}}}, {rest}}}\n") == [
        "3:86: `deferred` is pinned for `merged` and `s390x` in line 3 too: say which holds under `merged`, `s390x`"
    ]


def test_one_pair_written_both_ways_may_not_pin_a_counter_twice(bench: Workbench) -> None:
    def written(other: str) -> str:
        return f"{{s390x: {{merged: {{counters: {{direct: 3}}}}}}, merged: {{s390x: {{counters: {{{other}: 1}}}}}}}}"

    assert counters(bench, written("warnings"), "merged", "s390x").keys() == {"direct", "warnings"}
    assert bench.refuse(f"{HEAD}expect: {written('direct')}\n") == [
        "3:80: `direct` is pinned for `merged` and `s390x` in line 3 too"
    ]
