# SPDX-License-Identifier: GPL-2.0-only
"""Compares a guest's trace with the model's, step by step, and both with what the author pinned."""

from collections.abc import Collection, Mapping
from itertools import accumulate
from typing import Any

from msgspec.structs import replace

from lazymmu.results.result import Difference, Unit
from lazymmu.subject.case import Case, Step
from lazymmu.subject.counters import ATOMIC_SLEEPS, CHECKS, HOOKS
from lazymmu.subject.implementations import IMPLEMENTATIONS
from lazymmu.subject.operations import OPERATIONS, Kind
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import StepTrace, Trace, compact, in_call_order
from lazymmu.support.errors import Place

_STEP_PARTS = StepTrace.__struct_fields__
_END_PARTS = tuple(name for name in Trace.__struct_fields__ if name != "steps")
# Parts of a trace in which only the entries that the author names are compared.
_PARTIAL = ("counters", "tasks")


# What the hooks change that the kernel calls at a switch. Nobody sees them.
_OF_HOOKS = frozenset({"hooks", "hook_active", HOOKS["e"], HOOKS["l"]})


def _show(value: Any) -> str:
    """Return a value as it is written in a scenario."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_show(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_show(entry) for entry in value) + "]"
    return compact(value) if isinstance(value, str) else str(value)


def _changed(expected: Any, found: Any) -> tuple[Any, Any]:
    """Return both values; if they are mappings, only the entries that differ."""
    if not isinstance(expected, Mapping) or not isinstance(found, Mapping):
        return expected, found
    names = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    return ({n: expected[n] for n in names if n in expected}, {n: found[n] for n in names if n in found})


def _differing(parts: tuple[str, ...], predicted: Any, observed: Any, what: str, step: Step | None) -> list[Difference]:
    found = []
    for part in parts:
        expected, seen = getattr(predicted, part), getattr(observed, part)
        if expected != seen:
            right, wrong = _changed(expected, seen)
            sides = {"predicted": _show(right), "observed": _show(wrong)}
            place, operation = (step.place, step.op) if step else (None, "")
            number = step.index if step else None
            found.append(Difference(f"{what}: {part}", sides, place, operation, part, number))
    return found


def _compare(unit: Unit, case: Case, predicted: Trace, observed: Trace) -> list[Difference]:
    """Return the differences of the first step that differs; if none does, those of the ends.

    If they show a known bug of the running kernel, it is named first.
    """
    if predicted.steps == observed.steps:
        return _differing(_END_PARTS, predicted, observed, "at the end", None)
    for first in zip(predicted.steps, observed.steps, strict=False):
        if first[0] != first[1]:
            expected, seen = _of_hook(case, *first, predicted, observed)
            step = next(step for step in case.walk() if step.index == expected.index)
            what = f"step {step.index} {step.op}"
            found = _differing(_STEP_PARTS, expected, seen, what, step)
            if (expected, seen) != first:
                ran = "ran" if seen.hooks else "did not run"
                found[0] = replace(found[0], what=f"{found[0].what}, so that the steps before it {ran}")
            model = PERSONALITIES[unit.personality].MODEL
            if IMPLEMENTATIONS[unit.impl].hooks_only and (bug := model.native_bug(expected.state, seen.state)):
                sides = {"predicted": _show(expected.state), "observed": _show(seen.state)}
                found.insert(0, Difference(f"{what}: {bug}", sides, step.place, step.op, bug, step.index))
            return found
    counts = {"predicted": str(len(predicted.steps)), "observed": str(len(observed.steps))}
    return [Difference("number of steps that ran", counts)]


def _of_hook(
    case: Case, expected: StepTrace, seen: StepTrace, predicted: Trace, observed: Trace
) -> tuple[StepTrace, StepTrace]:
    """Return the records of the call whose before_hook ran on one side only; else the two that are given.

    The call that did not call its hook is the cause, and the steps that did not run are not.
    """
    if expected.index == seen.index:
        return expected, seen
    missing = max(expected, seen, key=lambda record: record.index).index
    holders = [
        step for step in case.walk() if any(missing == one.index for outer in step.before_hook for one in outer.walk())
    ]
    for call in reversed(holders):
        pair = [next((one for one in side.steps if one.index == call.index), None) for side in (predicted, observed)]
        if pair[0] is not None and pair[1] is not None and pair[0].hooks != pair[1].hooks:
            return pair[0], pair[1]
    return expected, seen


def _breach(part: str, pinned: Any, actual: Any) -> tuple[Any, Any] | None:
    """Return the pinned and the actual value if they differ; None if the pin holds.

    Of counters and tasks, only what is named is compared, and only what differs is returned.
    """
    # A task that was never forked has no state.
    if part in _PARTIAL and actual is not None:
        breaches = {
            name: breach
            for name, value in pinned.items()
            if (breach := _breach(part if isinstance(value, Mapping) else "", value, actual.get(name)))
        }
        right = {name: breach[0] for name, breach in breaches.items()}
        return (right, {name: breach[1] for name, breach in breaches.items()}) if breaches else None
    if part == "table":
        actual = {str(index): value for index, value in actual.items()}
    elif isinstance(actual, tuple):
        actual = list(actual)
    return None if actual == pinned else (pinned, actual)


def _hooks_so_far(trace: Trace) -> dict[int, int]:
    """Return how many hooks had been called at the end of each step, by the step's number."""
    called = in_call_order(trace.steps)
    totals = accumulate(len(record.hooks) for record in called)
    return {record.index: total for record, total in zip(called, totals, strict=True)}


def unseen_pins(case: Case, personality: str, impl: str, shown: Collection[str] = ()) -> frozenset[str]:
    """Return what an author may pin of the case that a trace does not show, or not all of it.

    `shown` are the counters of the trace. What natively counts as one complaint may be several.
    """
    native = IMPLEMENTATIONS[impl].hooks_only
    checks = frozenset(CHECKS) - ({*shown} - {ATOMIC_SLEEPS}) if native else frozenset()
    hooks_at_switches = native and PERSONALITIES[personality].MODEL.pauses_absent_tasks
    switches = hooks_at_switches and any(OPERATIONS[step.op].kind is Kind.TASK for step in case.walk())
    return checks | _OF_HOOKS if switches else checks


def pins(unit: Unit, case: Case, trace: Trace, who: str) -> list[Difference]:
    """Return every pin of the author (`check`, `expect`) that does not hold in a trace of the unit's case by `who`."""
    found: list[Difference] = []

    def note(what: str, place: Place, pinned: Any, actual: Any, number: int | None = None) -> None:
        found.append(Difference(what, {"pinned": _show(pinned), who: _show(actual)}, place, step=number))

    unseen = unseen_pins(case, unit.personality, unit.impl, trace.counters)
    steps = {step.index: step for step in case.walk() if step.check is not None or step.answer is not None}
    hooks = _hooks_so_far(trace) if any(step.check and "hooks" in step.check.pins for step in steps.values()) else {}
    counters = dict.fromkeys(trace.counters, 0)
    for record in trace.steps if steps else ():
        counters.update(record.counters)
        step = steps.get(record.index)
        if step is None:
            continue
        if step.check is not None and step.check.applies(unit.api, unit.personality):
            task = f" of task {step.check.task}" if step.check.task else ""
            depth, pauses = (record.state.get(name) for name in (REVISIONS[unit.api].DEPTH, "pause_count"))
            actual: dict[str, Any] = {**counters, "active": record.active, "outstanding": record.outstanding}
            actual |= {"depth": depth, "pause_count": pauses, "hooks": trace.hooks[: hooks.get(record.index)]}
            for pin, value in step.check.pins.items():
                if pin not in unseen and actual[pin] != value:
                    note(f"check {pin}{task}", step.place, value, actual[pin], step.index)
        if step.answer is not None and record.value != step.answer:
            is_word = OPERATIONS[step.op].answers is bool
            pinned, seen = (bool(one) if is_word and one is not None else one for one in (step.answer, record.value))
            note(f"step {step.index} {step.op}: answer", step.place, pinned, seen, step.index)
    for part in case.expected(unit.api, unit.personality):
        if part.key in unseen:
            continue
        value = part.value
        if isinstance(value, dict):
            value = {name: number for name, number in value.items() if name not in unseen}
        breach = _breach(part.key, value, getattr(trace, part.key))
        if breach:
            note(f"expect {part.key}", part.place, *breach)
    return found


def judge(unit: Unit, case: Case, predicted: Trace, observed: Trace) -> list[Difference]:
    """Return every difference, the most important first; none means pass. `case` is the unit's.

    The guest is compared with the model, and both are compared with the author's pins.
    """
    differences = _compare(unit, case, predicted, observed)
    in_model = pins(unit, case, predicted, "the model says")
    # Traces without a difference break the same pins.
    in_guest = pins(unit, case, observed, "the guest says") if differences or in_model else ()
    return [*differences, *in_model, *in_guest]
