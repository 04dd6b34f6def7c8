# SPDX-License-Identifier: GPL-2.0-only
"""The verdict finds every difference, names the first differing step and its place, and checks the author's pins."""

from pathlib import Path
from typing import Any

import pytest
from lazymmu.results.result import Unit
from lazymmu.session.verdict import judge, pins
from lazymmu.subject.trace import StepTrace, Trace
from msgspec.structs import replace

from tests.unit import examples
from tests.unit.examples import predicted


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return examples.unit(tmp_path)


def merged(folder: Path, text: str) -> tuple[Unit, Trace]:
    """Return a unit of revision merged on arm64, with its prediction."""
    unit = examples.unit(folder, f"description: x\n{text}", api="merged", arch="arm64")
    return unit, predicted(unit)


def other(value: Any) -> Any:
    """Return a value of the same kind that differs."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value + "e"
    if isinstance(value, tuple):
        return (*value, 1)
    key = next(iter(value), 0)
    return {**value, key: other(value.get(key, 0))}


def test_equal_traces_pass(unit: Unit) -> None:
    assert judge(unit, unit.case, predicted(unit), predicted(unit)) == []


@pytest.mark.parametrize("part", [name for name in StepTrace.__struct_fields__ if name not in ("index", "op")])
def test_a_difference_in_a_step_has_the_step_and_its_place(unit: Unit, part: str) -> None:
    right = predicted(unit)
    number = 2
    step = right.steps[number]
    wrong_step = replace(step, **{part: other(getattr(step, part))})
    wrong = replace(right, steps=(*right.steps[:number], wrong_step, *right.steps[number + 1 :]))
    first = judge(unit, unit.case, right, wrong)[0]
    assert first.what == f"step {step.index} {step.op}: {part}"
    place = next(known.place for known in unit.case.walk() if known.index == step.index)
    assert first.place == place
    assert str(place) in str(first)


@pytest.mark.parametrize("part", [name for name in Trace.__struct_fields__ if name != "steps"])
def test_a_difference_only_at_the_end_is_found(unit: Unit, part: str) -> None:
    right = predicted(unit)
    wrong = replace(right, **{part: other(getattr(right, part))})
    assert judge(unit, unit.case, right, wrong)[0].what == f"at the end: {part}"


def test_only_the_first_differing_step_is_a_difference(unit: Unit) -> None:
    right = predicted(unit)
    wrong = replace(right, steps=tuple(replace(step, active=not step.active) for step in right.steps))
    found = [
        difference.what for difference in judge(unit, unit.case, right, wrong) if difference.what.startswith("step")
    ]
    assert found == ["step 0 enable: active"]


def test_steps_that_did_not_run_are_found(unit: Unit) -> None:
    right = predicted(unit)
    assert judge(unit, unit.case, right, replace(right, steps=right.steps[:-1]))[0].what == "number of steps that ran"


@pytest.mark.parametrize(
    ("pin", "what"),
    [
        ("- check: {active: false}", "check active"),
        ("- check: {depth: 2}", "check depth"),
        ("- check: {hooks: ee}", "check hooks"),
        ("- check: {enable: 2}", "check enable"),
        ("- check: {outstanding: 1}", "check outstanding"),
        ("- check: {pause_count: 1}", "check pause_count"),
        ("expect: {hooks: e}", "expect hooks"),
        ("expect: {hook_active: '11'}", "expect hook_active"),
        ("expect: {counters: {arch_enter: 0}}", "expect counters"),
        ("expect: {tasks: {main: {enable_count: 1}}}", "expect tasks"),
        ("expect: {outstanding: 1}", "expect outstanding"),
        ("expect: {values: [1]}", "expect values"),
        ("expect: {table: {3: 1}}", "expect table"),
    ],
)
def test_a_broken_pin_is_a_difference_for_model_and_guest(tmp_path: Path, pin: str, what: str) -> None:
    body = f"  - enable\n  {pin}\n  - disable\n" if pin.startswith("-") else f"  - enable\n  - disable\n{pin}\n"
    unit, trace = merged(tmp_path, f"steps:\n{body}\n")
    found = judge(unit, unit.case, trace, trace)
    assert [difference.what for difference in found] == [what, what]
    assert ["the model says" in found[0].sides, "the guest says" in found[1].sides] == [True, True]
    assert found[0].place is not None
    assert found[0].place.line == (4 if pin.startswith("-") else 5)


def test_a_pin_that_holds_in_the_model_is_a_difference_only_for_the_guest(tmp_path: Path) -> None:
    unit, right = merged(tmp_path, "steps: [enable, check: {depth: 1}]\n")
    state = {"enable_count": 2, "pause_count": 0}
    found = judge(
        unit, unit.case, right, replace(right, steps=tuple(replace(step, state=state) for step in right.steps))
    )
    assert [difference.what for difference in found] == ["step 0 enable: state", "check depth"]
    assert found[1].sides == {"pinned": "1", "the guest says": "2"}


def test_pins_that_hold_are_no_difference_and_other_counters_may_be_anything(tmp_path: Path) -> None:
    unit, trace = merged(
        tmp_path,
        "steps:\n  - enable\n  - check: {active: true, depth: 1, hooks: e, enable: 1}\n  - disable\n"
        "expect: {hooks: el, counters: {arch_enter: 1}, tasks: {main: {active: false}}, values: [], table: {}}\n",
    )
    assert pins(unit, unit.case, trace, "the model says") == []


def test_a_check_for_another_revision_does_not_apply(tmp_path: Path) -> None:
    text = "description: x\nsteps:\n  - enable\n  - check: {active: false, api: [merged]}\n"
    amended = examples.unit(tmp_path, text, api="amended")
    assert pins(amended, amended.case, predicted(amended), "x") == []
    unit = examples.unit(tmp_path, text, api="merged")
    assert len(pins(unit, unit.case, predicted(unit), "x")) == 1


@pytest.mark.parametrize(
    ("step", "what", "pinned", "actual"),
    [
        ("touch: {index: 3, expect: true}", "step 2 touch: answer", "true", "false"),
        ("get_pte: {index: 3, expect: 7}", "step 2 get_pte: answer", "7", "4097"),
        ("clear_pte: {index: 3, expect: 0}", "step 2 clear_pte: answer", "0", "4097"),
        ("load: {index: 3, expect: 1}", "step 2 load: answer", "1", "4097"),
        ("interrupt: [load: {index: 3, expect: 1}]", "step 3 load: answer", "1", "4097"),
    ],
)
def test_an_answer_that_is_not_the_pinned_one_has_its_step_and_place(
    tmp_path: Path, step: str, what: str, pinned: str, actual: str
) -> None:
    unit, trace = merged(tmp_path, f"steps:\n  - enable\n  - set_pte: {{index: 3, value: 4097}}\n  - {step}\n")
    in_model, in_guest = judge(unit, unit.case, trace, trace)
    assert (in_model.what, in_model.sides) == (what, {"pinned": pinned, "the model says": actual})
    assert (in_guest.what, in_guest.sides) == (what, {"pinned": pinned, "the guest says": actual})
    assert in_model.place is not None
    assert in_model.place.line == 5


def test_an_answer_that_only_the_guest_gets_wrong_is_a_difference_of_value_and_answer(tmp_path: Path) -> None:
    unit, right = merged(tmp_path, "steps: [touch: {index: 3, expect: true}, touch: 4]\n")
    wrong = replace(right, steps=tuple(replace(step, value=0) for step in right.steps), values=(0, 0))
    found = judge(unit, unit.case, right, wrong)
    assert [difference.what for difference in found] == ["step 0 touch: value", "step 0 touch: answer"]
    assert found[1].sides == {"pinned": "true", "the guest says": "false"}


def test_a_check_can_be_about_another_task(tmp_path: Path) -> None:
    unit, trace = merged(
        tmp_path,
        "tasks: {other: {}}\nsteps:\n  - enable\n  - check: {task: other, active: false, depth: 0}\n"
        "  - check: {task: other, active: true, depth: 1, enable: 1}\n"
        "  - check: {task: main, active: true, depth: 1}\n",
    )
    found = pins(unit, unit.case, trace, "the model says")
    assert [difference.what for difference in found] == ["check active of task other", "check depth of task other"]
    assert {difference.place.line for difference in found if difference.place} == {6}


def test_the_hooks_so_far_are_in_the_order_of_their_calls(tmp_path: Path) -> None:
    """The record of a meanwhile comes after those of its list, and its hooks before."""
    text = """\
description: x
personality: xen
api: [merged]
tasks: {other: {cpu: 1}}
steps:
  - switch: other
  - enable
  - switch: main
  - meanwhile:
      task: other
      steps: [check: {hooks: ele, arch_enter: 2}, flush: {before_hook: [check: {hooks: ele}]}, check: {hooks: elef}]
  - check: {hooks: elef}
"""
    right = examples.unit(tmp_path, text, api="merged")
    assert pins(right, right.case, predicted(right), "x") == []
    wrong = examples.unit(tmp_path, text.replace("ele", "el"), api="merged")
    found = pins(wrong, wrong.case, predicted(wrong), "x")
    assert [difference.sides for difference in found] == [
        {"pinned": pinned, "x": had} for pinned, had in (("el", "ele"), ("el", "ele"), ("elf", "elef"), ("elf", "elef"))
    ]


def test_a_pin_on_a_task_that_was_never_forked_does_not_hold(tmp_path: Path) -> None:
    never, trace = merged(
        tmp_path,
        "vary: {n: [0, 1]}\nsteps: [flush, repeat: {times: $n, steps: [fork: child]}]\n"
        "expect: {tasks: {child: {active: false}}}\n",
    )
    (found,) = pins(never, never.case, trace, "the model says")
    assert found.sides == {"pinned": "{child: {active: false}}", "the model says": "{child: nothing}"}
    forked = replace(never, number=1)
    assert pins(forked, forked.case, predicted(forked), "the model says") == []


def test_pins_apply_to_the_personality_and_not_to_the_guest(tmp_path: Path) -> None:
    text = (
        "description: x\npersonality: s390x\napi: [amended]\nsteps:\n  - lazy: [paused: []]\n"
        "  - check: {hooks: eprl, iptes: 0, arch: [s390x]}\nexpect: {s390x: {hooks: eprl, counters: {iptes: 0}}}\n"
    )
    right = examples.unit(tmp_path, text, arch="arm64")
    assert pins(right, right.case, predicted(right), "x") == []
    wrong = examples.unit(tmp_path, text.replace("eprl", "elel"), arch="arm64")
    assert [found.what for found in pins(wrong, wrong.case, predicted(wrong), "x")] == ["check hooks", "expect hooks"]


def natively_on_xen(folder: Path, text: str, impl: str = "native") -> tuple[Unit, Trace]:
    """Return a unit of the kernel's own implementation as a guest of Xen, with its prediction."""
    unit = replace(examples.unit(folder, f"description: x\n{text}", api="merged", arch="x86_64-xen"), impl=impl)
    return unit, predicted(unit)


@pytest.mark.parametrize(("pauses", "is_named"), [(254, True), (255, True), (1, False)])
def test_a_known_bug_of_the_running_kernel_is_named_first(tmp_path: Path, pauses: int, is_named: bool) -> None:
    unit, right = natively_on_xen(tmp_path, "steps: [enable, disable]\n")
    step = replace(right.steps[0], hooks="", state={"enable_count": 0, "pause_count": pauses})
    first = judge(unit, unit.case, right, replace(right, steps=(step, *right.steps[1:])))[0]
    assert first.what.startswith("step 0 enable: fork never accounts for the pause") is is_named
    assert (first.sides["observed"] == f"{{enable_count: 0, pause_count: {pauses}}}") is is_named


def test_hooks_that_the_kernel_calls_at_a_switch_are_not_seen_and_no_pin_of_them_counts(tmp_path: Path) -> None:
    text = (
        "tasks: {other: {cpu: 0}}\n"
        "steps: [enable, set_pte: {index: 0, value: 1}, switch: other, check: {hooks: el, outstanding: 0}]\n"
        "expect: {hooks: el, counters: {arch_leave: 1, multicalls: 1}}\n"
    )
    unit, seen = natively_on_xen(tmp_path, text)
    assert (seen.hooks, seen.outstanding, seen.values, seen.counters["arch_leave"]) == ("e", 0, (), 0)
    assert "warnings" not in seen.counters
    assert judge(unit, unit.case, seen, seen) == []
    wrong = replace(seen, counters={**seen.counters, "multicalls": 2})
    assert [one.what for one in pins(unit, unit.case, wrong, "x")] == ["expect counters"]
    module = replace(unit, impl="module")
    assert predicted(module).hooks == "el"
    assert judge(module, unit.case, predicted(module), predicted(module)) == []
