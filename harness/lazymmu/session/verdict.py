# SPDX-License-Identifier: GPL-2.0-only
"""Holds what a guest reported against the model, step by step, and both against what the author pinned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from lazymmu.results.result import Difference, Unit
from lazymmu.subject.case import Case, Check, Step
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import StepTrace, Trace, compact
from lazymmu.support.errors import Place

_STEP_PARTS = StepTrace.__struct_fields__
_END_PARTS = tuple(name for name in Trace.__struct_fields__ if name != "steps")
# Parts of a TRACE of which an author pins the entries that matter, and leaves the others open.
_PARTIAL = ("counters", "tasks")


def _show(value: Any) -> str:
    """Return a value as a person reads it in a scenario."""
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
    """Return both values; of two mappings only the entries that differ."""
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
            found.append(Difference(f"{what}: {part}", sides, step.place if step else None))
    return found


def _compare(case: Case, predicted: Trace, observed: Trace) -> list[Difference]:
    """Return how the first differing step differs; without one, how the ends differ."""
    for expected, seen in zip(predicted.steps, observed.steps, strict=False):
        if expected != seen:
            step = next(step for step in case.walk() if step.index == expected.index)
            return _differing(_STEP_PARTS, expected, seen, f"step {step.index} {step.op}", step)
    if len(predicted.steps) != len(observed.steps):
        counts = {"predicted": str(len(predicted.steps)), "observed": str(len(observed.steps))}
        return [Difference("number of steps that ran", counts)]
    return _differing(_END_PARTS, predicted, observed, "at the end", None)


def _actual(pin: str, api: str, state: StepTrace, hooks: str, counters: Mapping[str, int]) -> int | bool | str:
    """Return what a check's pin reads at one point of a trace."""
    if pin == "depth":
        return state.state[REVISIONS[api].DEPTH]
    if pin == "pause_count":
        return state.state[pin]
    if pin == "hooks":
        return hooks
    if pin in ("active", "outstanding"):
        return getattr(state, pin)  # type: ignore[no-any-return]
    return counters[pin]


def _checks(case: Case, unit: Unit, trace: Trace) -> Iterator[tuple[Step, Check, str, Any]]:
    """Yield step, check, pin and actual value for every pin that the trace came to."""
    steps = {step.index: step for step in case.walk() if step.check is not None}
    if not steps:
        return
    hooks = ""
    counters = dict.fromkeys(trace.counters, 0)
    for record in trace.steps:
        hooks += record.hooks
        counters.update(record.counters)
        step = steps.get(record.index)
        if step is None or step.check is None or not step.check.applies(unit.api, unit.personality):
            continue
        for pin in step.check.pins:
            yield step, step.check, pin, _actual(pin, unit.api, record, hooks, counters)


def _breach(part: str, pinned: Any, actual: Any) -> tuple[Any, Any] | None:
    """Return what is pinned and what is there when they differ, None when the pin holds.

    Counters and tasks are compared where they are named, and only what differs is returned.
    """
    # None is the state of a task that was never forked.
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


class _Broken(Struct, frozen=True):
    """A `check` or `expect` that does not hold in a trace."""

    what: str
    place: Place
    pinned: Any
    actual: Any

    def told(self, who: str) -> Difference:
        """Return it as a difference; `who` made the trace."""
        return Difference(self.what, {"pinned": _show(self.pinned), who: _show(self.actual)}, self.place)


def _broken(case: Case, unit: Unit, trace: Trace) -> list[_Broken]:
    """Return every `check` and `expect` of the author that does not hold in a trace."""
    found = [
        _Broken(f"check {pin}{f' of task {check.task}' if check.task else ''}", step.place, check.pins[pin], actual)
        for step, check, pin, actual in _checks(case, unit, trace)
        if actual != check.pins[pin]
    ]
    found += _answers(case, trace)
    for part, (pinned, place) in case.expected(unit.api, unit.personality).items():
        breach = _breach(part, pinned, getattr(trace, part))
        if breach:
            found.append(_Broken(f"expect {part}", place, *breach))
    return found


def _answers(case: Case, trace: Trace) -> Iterator[_Broken]:
    """Yield every answer that is not the one that the author pinned at its step."""
    steps = {step.index: step for step in case.walk() if step.answer is not None}
    for record in trace.steps if steps else ():
        step = steps.get(record.index)
        if step is not None and record.value != step.answer:
            told = (
                bool(value) if step.op == "touch" and value is not None else value
                for value in (step.answer, record.value)
            )
            yield _Broken(f"step {step.index} {step.op}: answer", step.place, *told)


def pins(unit: Unit, trace: Trace, who: str) -> list[Difference]:
    """Return every `check` and `expect` of the author that does not hold in a trace; `who` made the trace."""
    return [broken.told(who) for broken in _broken(unit.case, unit, trace)]


def judge(unit: Unit, predicted: Trace, observed: Trace) -> list[Difference]:
    """Return everything that is not as it should be, the most telling first; empty means pass.

    The guest is held against the model; model and guest are held against the author's pins.
    """
    case = unit.case
    differences = _compare(case, predicted, observed)
    in_model = _broken(case, unit, predicted)
    # Without a difference the two traces are the same, and so is what is broken in them.
    in_guest = _broken(case, unit, observed) if differences else in_model
    return [
        *differences,
        *(broken.told("the model says") for broken in in_model),
        *(broken.told("the guest says") for broken in in_guest),
    ]
