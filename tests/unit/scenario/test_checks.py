# SPDX-License-Identifier: GPL-2.0-only
"""`check`: what it pins and where it holds."""

from lazymmu.subject.counters import HOOKS
from lazymmu.subject.operations import CALLS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS

from tests.unit.examples import EVERYWHERE, guests_with, revisions_having
from tests.unit.rows import each_row

from .workbench import Workbench


def test_a_check_keeps_its_pins_and_its_place(bench: Workbench) -> None:
    scenario = bench.steps(
        "[check: {active: false, depth: 255, outstanding: 256, hooks: ef, deferred: 7, api: [amended]}]"
    )
    (step,) = scenario.cases[0].steps
    assert (step.op, step.place.line, step.place.column) == ("check", 2, 9)
    check = step.check
    assert check is not None
    assert check.pins == {"active": False, "depth": 255, "outstanding": 256, "hooks": "ef", "deferred": 7}
    assert (check.task, check.apis, check.arches) == (None, frozenset({"amended"}), None)
    assert check.applies("amended", "arm64")
    assert not check.applies("merged", "arm64")


@each_row("counter", [*CALLS, *HOOKS.values(), "deferred", "direct", "warnings"])
def test_every_common_counter_may_be_pinned_everywhere(bench: Workbench, counter: str) -> None:
    scenario = bench.steps(f"[check: {{{counter}: 1}}]")
    assert scenario.apis == tuple(REVISIONS)
    assert scenario.arches == EVERYWHERE


@each_row(
    ("arch", "counter"),
    [(arch, counter) for arch in PERSONALITIES if guests_with(arch) for counter in PERSONALITIES[arch].COUNTERS],
)
def test_a_personality_s_counter_rules_out_the_others_unless_the_check_does(
    bench: Workbench, arch: str, counter: str
) -> None:
    assert bench.steps(f"[check: {{{counter}: 1}}]").arches == guests_with(
        *(name for name, personality in PERSONALITIES.items() if counter in personality.COUNTERS)
    )
    assert bench.steps(f"[check: {{{counter}: 1, arch: [{arch}]}}]").arches == EVERYWHERE


def test_a_name_of_the_state_rules_out_revisions_unless_the_check_says_where_it_holds(bench: Workbench) -> None:
    assert bench.steps("[check: {pause_count: 1}]").apis == revisions_having("pause_count")
    scenario = bench.steps("[check: {pause_count: 1, api: [merged]}]")
    assert scenario.apis == tuple(REVISIONS)


@each_row(
    ("check", "problem"),
    [
        ("{}", "2:16: `check` is empty: it takes what it pins, for example {active: true}"),
        (
            "{api: [merged]}",
            "2:9: `check` pins nothing: it may pin active, depth, pause_count, outstanding, hooks or a counter",
        ),
        ("{task: main}", "2:9: `check` pins nothing: it may pin active, "),
        ("{task: 3, depth: 1}", "2:23: `task` takes a task's name (letters, digits, `_` and `-`), not `3`"),
        ("{task: $n, depth: 1}", "2:23: `task` takes a task's name (letters, digits, `_` and `-`): a `$name` is not"),
        ("{barrier: 1, depth: 1}", "2:17: unknown key `barrier` in `check` (did you mean `barriers`?)"),
        ("{pause_count: 256}", "2:30: `pause_count` takes an integer from 0 to 255, not `256`"),
        ("{depth: 1, api: merged}", "2:32: `api` takes a list, for example [proposal], not the word `merged`"),
        ("{depth: 1, api: [merged, merged]}", "2:41: `merged` is in `api` twice"),
        ("{depth: 1, api: [mergd]}", "2:33: unknown name `mergd` in `api` (did you mean `merged`?)"),
        (
            "{depth: 1, arch: [arm]}",
            "2:34: unknown name `arm` in `arch` (known: arm64, ppc64, radix, s390x, x86_64, xen)",
        ),
        (
            "{depth: 1, api: [[merged]]}",
            f"2:33: `api` takes one of {', '.join(REVISIONS)}, not a list",
        ),
        ("{pause_count: 1, api: [merged, amended]}", "2:47: `amended` cannot be named here: it has no `pause_count`"),
        ("{iptes: 1, arch: [arm64]}", "2:34: `arm64` cannot be named here: it has no `iptes`"),
    ],
)
def test_a_wrong_check_is_named_at_its_place(bench: Workbench, check: str, problem: str) -> None:
    assert bench.wrong(f"[check: {check}]").startswith(problem)


def test_a_check_that_never_holds_is_refused(bench: Workbench) -> None:
    problem = bench.wrong("[check: {depth: 1, api: [merged]}]", "api: [amended]\n")
    assert problem == "3:9: this `check` never holds: the scenario does not apply to merged"
    problem = bench.wrong("[enable: {before_hook: [check: {depth: 1, arch: [arm64]}]}]", "arch: [s390x, x86_64]\n")
    assert problem == "3:32: this `check` never holds: the scenario does not apply to arm64"


def test_a_check_list_that_could_not_be_read_gives_no_further_problem(bench: Workbench) -> None:
    problem = bench.wrong("[enable_with_ptes: {index: 0, count: 1}, check: {pause_count: 1, api: [mergd]}]")
    assert problem == "2:79: unknown name `mergd` in `api` (did you mean `merged`?)"


def test_a_check_of_x86_64_is_not_one_of_xen(bench: Workbench) -> None:
    (step,) = bench.steps("[check: {updates: 0, arch: [x86_64]}]").cases[0].steps
    assert step.check is not None
    assert step.check.applies("merged", "x86_64")
    assert not step.check.applies("merged", "xen")
    assert bench.steps("[check: {flushed_entries: 0, arch: [ppc64]}]").arches == EVERYWHERE
    problem = bench.wrong("[check: {depth: 0, arch: [xen]}]", "personality: x86_64\n")
    assert problem == "3:9: this `check` never holds: the scenario does not apply to xen"
