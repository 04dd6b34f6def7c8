# SPDX-License-Identifier: GPL-2.0-only
"""Says in sentences what each step of a case does, and by which rule.

The rules are the docstrings of the functions that make the prediction: those of the revision, of the personality, and
of the operations.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lazymmu.reports.columns import added
from lazymmu.reports.side_by_side import Pair, text, with_depth
from lazymmu.subject.behaviour import BEHAVIOURS
from lazymmu.subject.case import Case, Step
from lazymmu.subject.counters import HOOKS
from lazymmu.subject.limits import TABLE_ENTRIES
from lazymmu.subject.operations import CALLS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import StepTrace, Trace, compact

_WRITES = ("set_pte", "clear_pte")
# Contexts in which a call of the API changes nothing.
_INTERRUPT = ("interrupt", "softirq", "bh_disabled")


def lines(case: Case, pair: Pair, trace: Trace) -> Iterator[str]:
    """Yield the sentences about each step, in the order of the text."""
    api, personality = pair
    records = {record.index: record for record in trace.steps}
    before = _states_before(trace.steps)
    more = added(trace.steps)
    in_interrupt = {
        inner.index for step in case.walk() if step.op in _INTERRUPT for body in step.body for inner in body.walk()
    }
    for step, depth in with_depth(case.steps):
        indent = "  " * (depth + 1)
        yield f"{indent}{step.index} {text(step)} ({step.place})"
        rule = _rule(step, api, personality, in_interrupt=step.index in in_interrupt)
        if rule:
            yield f"{indent}    Rule: {rule}"
        record = records.get(step.index)
        if record is None:
            yield f"{indent}    It does not run: the hook of the call around it is not called."
            continue
        for sentence in _sentences(record, before[step.index], more[step.index], personality):
            yield f"{indent}    {sentence}"


def _rule(step: Step, api: str, personality: str, *, in_interrupt: bool) -> str:
    """Return the rule of one step; empty for a check."""
    calls = REVISIONS[api].CALLS
    if step.op == "check":
        return ""
    if step.op in _WRITES:
        return f"{_first(BEHAVIOURS[step.op])} {personality}: {_first(PERSONALITIES[personality].MODEL.write)}"
    if step.op in calls and not (in_interrupt and step.op in CALLS):
        return f"{api}: {_first(calls[step.op])}"
    return _first(BEHAVIOURS[step.op])


def _first(function: Any) -> str:
    """Return the first paragraph of a function's docstring, on one line."""
    return " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())


def _states_before(records: Sequence[StepTrace]) -> Mapping[int, Mapping[str, int | bool] | None]:
    """Return the state that each step's task had at the record before, by the step's number; None if it is new."""
    last: dict[str, Mapping[str, int | bool]] = {}
    found = {}
    for record in records:
        found[record.index] = last.get(record.task)
        last[record.task] = record.state
    return found


def _sentences(
    record: StepTrace, before: Mapping[str, int | bool] | None, more: Mapping[str, int], personality: str
) -> Iterator[str]:
    hooks = PERSONALITIES[personality].MODEL([0] * TABLE_ENTRIES, lambda *_: None).hooks
    seen = dict.fromkeys(zip(record.hooks, record.hook_active, strict=True))
    if len(record.hooks) > len(seen):
        yield f"It calls the hooks {compact(record.hooks)}."
    for letter, digit in seen:
        rule = _first(hooks[letter]) if letter in hooks else "it has no such hook."
        active = "active" if digit == "1" else "not active"
        yield f"It calls {HOOKS[letter]} while the task is {active}. {personality}: {rule}"
    if not record.hooks and record.op in CALLS:
        yield "It calls no hook."
    changed = [
        f"{name} becomes {int(value)}" for name, value in record.state.items() if (before or {}).get(name, 0) != value
    ]
    if changed:
        yield f"Of task {record.task}, {' and '.join(changed)}."
    yield f"After it, task {record.task} is {'' if record.active else 'not '}active."
    if more:
        yield f"It counts {', '.join(f'{count} {name}' for name, count in more.items())}."
    if record.value is not None:
        yield f"It answers {record.value:#x}."
    if record.outstanding:
        yield f"Owed: the last write to {record.outstanding} entr{'y' if record.outstanding == 1 else 'ies'}."
