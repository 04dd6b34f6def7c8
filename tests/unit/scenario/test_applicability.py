# SPDX-License-Identifier: GPL-2.0-only
"""To which revisions and personalities a scenario applies, and the messages if a named one does not."""

from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS

from tests.unit.examples import EVERYWHERE, guests_with, revisions_having
from tests.unit.rows import each_row

from .workbench import Workbench

ALL = tuple(REVISIONS)
WITH_RANGES = revisions_having("enable_with_ptes")
COUNTING_PAUSES = revisions_having("pause_count")
COUNTING = revisions_having("count")


@each_row(
    ("steps", "apis"),
    [
        ("[enable]", ALL),
        ("[enable_with_ptes: {index: 0, count: 1}]", WITH_RANGES),
        ("[lazy_with_ptes: {index: 0, count: 1, steps: []}]", WITH_RANGES),
        ("[interrupt: [enable: {before_hook: [enable_with_ptes: {index: 0, count: 1}]}]]", WITH_RANGES),
        ("[enable, repeat: {times: 0, steps: [enable_with_ptes: {index: 0, count: 1}]}]", WITH_RANGES),
        ("[check: {pause_count: 0}]", COUNTING_PAUSES),
        ("[pause_task: main]", revisions_having("pause_task")),
        ("[interrupt: [resume_task: main]]", revisions_having("resume_task")),
        (
            "[resume_task: main, enable_with_ptes: {index: 0, count: 1}]",
            revisions_having("resume_task", "enable_with_ptes"),
        ),
        ("[set_pte: {index: 0, value: 1}, clear_pte: 0, get_pte: 0, touch: 0, load: 0, tlb_flush]", ALL),
        ("[fork: child, switch: child, migrate: {cpu: 1}, sleep: 0, irqs_off: [flush]]", ALL),
        ("[check: {depth: 0, enable_with_ptes: 0, arch_pause: 0}]", ALL),
    ],
)
def test_a_revision_applies_when_it_has_all_that_is_used(bench: Workbench, steps: str, apis: tuple[str, ...]) -> None:
    assert bench.steps(steps).apis == apis


def test_the_head_chooses_in_the_vocabulary_s_order(bench: Workbench) -> None:
    scenario = bench.steps("[enable]", "api: [merged, proposal]\narch: [x86_64, arm64]\n")
    assert (scenario.apis, scenario.arches) == (("proposal", "merged"), ("arm64", "x86_64"))


@each_row(
    ("head", "steps", "problem"),
    [
        ("api: [merged, amended]", "[enable_with_ptes: {index: 0, count: 1}]",
         "1:7: `merged` cannot be named here: it has no `enable_with_ptes` (line 3)"),
        ("api: [proposal]", "[lazy_with_ptes: {index: 0, count: 1, steps: []}]",
         "1:7: `proposal` cannot be named here: it has no `lazy_with_ptes` (line 3)"),
        ("api: [merged, proposal]", "[check: {pause_count: 0}]",
         "1:15: `proposal` cannot be named here: it has no `pause_count` (line 3)"),
        ("arch: [s390x, arm64]", "[check: {iptes: 0}]",
         "1:15: `arm64` cannot be named here: it has no `iptes` (line 3)"),
        ("api: [merged, amended]", "[resume_task: main]",
         "1:15: `amended` cannot be named here: it has no `resume_task` (line 3)"),
        ("tags: [a]", "[check: {iptes: 0}, check: {barriers: 0}]",
         "3:36: no architecture has all that this scenario uses: `iptes` (line 3), `barriers` (line 3)"),
        ("api: [zz]", "[enable]", "1:7: unknown name `zz` in `api`"),
        ("api: [merged, merged]", "[enable]", "1:15: `merged` is in `api` twice"),
        ("arch: [s390]", "[enable]", "1:8: unknown name `s390` in `arch` (did you mean `s390x`?)"),
    ],
)  # fmt: skip
def test_what_cannot_apply_is_named_at_its_place(bench: Workbench, head: str, steps: str, problem: str) -> None:
    assert bench.wrong(steps, head + "\n").startswith(problem)


def expecting(bench: Workbench, expect: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    scenario = bench.accept(f"description: d\nsteps: [enable]\nexpect: {expect}\n")
    return scenario.apis, scenario.arches


@each_row(
    ("expect", "apis", "arches"),
    [
        ("{counters: {barriers: 1}}", ALL, guests_with("arm64")),
        ("{merged: {counters: {barriers: 1}}}", ALL, guests_with("arm64")),
        ("{arm64: {counters: {barriers: 1}}}", ALL, EVERYWHERE),
        ("{arm64: {counters: {barriers: 1}}, s390x: {counters: {iptes: 1}}}", ALL, EVERYWHERE),
        ("{tasks: {main: {pause_count: 1}}}", COUNTING_PAUSES, EVERYWHERE),
        ("{tasks: {main: {count: 1}}}", COUNTING, EVERYWHERE),
        ("{tasks: {main: {nesting_level: 1, active: true}}}", revisions_having("nesting_level", "active"), EVERYWHERE),
        ("{tasks: {main: {active: true}}}", ALL, EVERYWHERE),
        ("{arm64: {tasks: {main: {count: 1}}}}", COUNTING, EVERYWHERE),
        ("{merged: {tasks: {main: {pause_count: 1}}}}", ALL, EVERYWHERE),
        (
            "{tasks: {main: {count: 1}}, merged: {tasks: {main: {pause_count: 1}}}}",
            tuple(name for name in ALL if name == "merged" or name in COUNTING),
            EVERYWHERE,
        ),
    ],
)
def test_an_expectation_rules_out_whom_it_cannot_be_about(
    bench: Workbench, expect: str, apis: tuple[str, ...], arches: tuple[str, ...]
) -> None:
    assert expecting(bench, expect) == (apis, arches)


@each_row(
    ("head", "expect", "problem"),
    [
        ("api: [merged]", "{amended: {hooks: e}}",
         "4:10: the scenario does not apply to `amended`: `api` does not name it"),
        ("arch: [arm64]", "{merged: {s390x: {hooks: e}}}",
         "4:19: the scenario does not apply to `s390x`: `arch` does not name it"),
        ("tags: [a]", "{tasks: {main: {count: 1}}, merged: {hooks: e}}",
         "4:37: the scenario does not apply to `merged`: it has no `count` (line 4)"),
        ("api: [merged]", "{tasks: {main: {count: 1}}}",
         "1:7: `merged` cannot be named here: it has no `count` (line 4)"),
        ("tags: [a]", "{tasks: {main: {count: 1, pause_count: 1}}}",
         "4:35: no revision has all that this scenario uses: `count` (line 4), `pause_count` (line 4)"),
        ("arch: [s390x]", "{counters: {barriers: 1}}",
         "1:8: `s390x` cannot be named here: it has no `barriers` (line 4)"),
        # It holds for s390x, too: only counters that s390x pins itself replace it.
        ("tags: [a]", "{counters: {barriers: 1}, s390x: {counters: {iptes: 1}}}",
         "4:35: the scenario does not apply to `s390x`: it has no `barriers` (line 4)"),
        ("arch: [arm64, x86_64]", "{xen: {hooks: e}}",
         "4:10: the scenario does not apply to `xen`: `arch` does not name it"),
    ],
)  # fmt: skip
def test_an_expectation_that_cannot_hold_is_named(bench: Workbench, head: str, expect: str, problem: str) -> None:
    assert bench.refuse(f"{head}\ndescription: d\nsteps: [enable]\nexpect: {expect}\n") == [problem]


def test_with_a_personality_arch_names_the_guests_and_all_else_is_the_personality_s(bench: Workbench) -> None:
    text = "[check: {iptes: 0}, check: {depth: 0, arch: [s390x]}]"
    scenario = bench.steps(text, "personality: s390x\narch: [x86_64, arm64]\n")
    assert (scenario.personality, scenario.arches) == ("s390x", ("arm64", "x86_64"))
    assert bench.steps("[check: {iptes: 0}]", "personality: s390x\n").arches == EVERYWHERE
    scenario = bench.accept(
        "description: d\npersonality: arm64\nsteps: [enable]\nexpect: {arm64: {counters: {barriers: 0}}}\n"
    )
    assert scenario.arches == EVERYWHERE
    assert bench.steps("[enable]").personality is None


@each_row(
    ("steps", "rest", "problem"),
    [
        ("[check: {barriers: 0}]", "", "1:14: `s390x` cannot be named here: it has no `barriers` (line 3)"),
        ("[check: {depth: 0, arch: [arm64]}]", "",
         "3:9: this `check` never holds: the scenario does not apply to arm64"),
        ("[enable]", "expect: {arm64: {hooks: e}}\n",
         "4:10: the scenario does not apply to `arm64`: `personality` does not name it"),
        ("[enable]", "expect: {counters: {updates: 0}}\n",
         "1:14: `s390x` cannot be named here: it has no `updates` (line 4)"),
    ],
)  # fmt: skip
def test_what_a_personality_lacks_is_named(bench: Workbench, steps: str, rest: str, problem: str) -> None:
    text = f"personality: s390x\ndescription: d\nsteps: {steps}\n{rest}"
    assert bench.refuse(text) == [problem]


@each_row("personality", PERSONALITIES)
def test_a_scenario_may_name_every_personality_and_is_about_all_without_one(bench: Workbench, personality: str) -> None:
    scenario = bench.steps("[enable]", f"personality: {personality}\n")
    assert (scenario.personalities, scenario.arches, scenario.guests) == ((personality,), EVERYWHERE, EVERYWHERE)
    assert bench.steps("[enable]").personalities == tuple(PERSONALITIES)
    own = PERSONALITIES[personality].COUNTERS
    pins = ", ".join(f"{counter}: 0" for counter in ("deferred", *own))
    narrow = bench.steps(f"[check: {{{pins}}}]")
    assert narrow.personalities == tuple(name for name, one in PERSONALITIES.items() if {*own} <= {*one.COUNTERS})
    assert narrow.arches == guests_with(*narrow.personalities)
    assert narrow.guests == EVERYWHERE


def test_arch_names_guests_and_so_their_personalities(bench: Workbench) -> None:
    scenario = bench.steps("[enable]", "arch: [x86_64, riscv64]\n")
    assert (scenario.personalities, scenario.guests) == (("arm64", "x86_64"), ("x86_64", "riscv64"))


def test_limits_are_the_words_that_leave_fewer_in_the_order_of_the_file(bench: Workbench) -> None:
    scenario = bench.accept(
        "description: d\nsteps: [enable_with_ptes: {index: 0, count: 1}, check: {updates: 0, multicalls: 0}]\n"
        "expect: {tasks: {main: {pause_count: 0}}}\n"
    )
    assert [(limit.place.line, limit.word, limit.to) for limit in scenario.limits] == [
        (2, "enable_with_ptes", ("amended", "with-ptes")),
        (3, "pause_count", ("with-ptes",)),
        (2, "updates", ("x86_64", "xen")),
    ]
