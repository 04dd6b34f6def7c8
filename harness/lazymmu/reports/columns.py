# SPDX-License-Identifier: GPL-2.0-only
"""Shows the steps of one trace in columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lazymmu.reports.side_by_side import text, with_depth
from lazymmu.subject.case import Case
from lazymmu.subject.counters import CALLS_AND_HOOKS, HOOKS
from lazymmu.subject.trace import StepTrace, Trace, compact

#: What the columns mean.
LEGEND = (
    f"hooks: {', '.join(f'{letter} {name}' for letter, name in HOOKS.items())}",
    "inside: whether the task is active as seen from each hook (1) or not (0)",
    "active, and the state by its own names: after the step; - for a step that does not run",
    "counted: what the step adds to counters other than those of calls and hooks",
    "answer: of touch, get_pte, clear_pte, load and peek; owed: entries whose last write has not taken full effect",
)
_NOT_RUN = "-"


def lines(case: Case, trace: Trace) -> Iterator[str]:
    """Yield a heading and a line for each step, in the order of the text."""
    records = {record.index: record for record in trace.steps}
    more = added(trace.steps)
    states = list(dict.fromkeys(name for record in trace.steps for name in record.state if name != "active"))
    rows = [["step", "task", "hooks", "inside", "active", *states, "counted", "answer", "owed"]]
    for step, depth in with_depth(case.steps):
        cells = _cells(records.get(step.index), states, more.get(step.index, {}))
        rows.append([f"{step.index} {'  ' * depth}{text(step)}", *cells])
    yield from aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows with their cells below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def added(records: Sequence[StepTrace]) -> Mapping[int, Mapping[str, int]]:
    """Return what each step adds to counters other than those of calls and hooks, by its number."""
    before: dict[str, int] = {}
    found = {}
    for record in records:
        more = {name: value - before.get(name, 0) for name, value in record.counters.items()}
        # The module and the model have their counters in different orders.
        found[record.index] = {
            name: count for name, count in sorted(more.items()) if count and name not in CALLS_AND_HOOKS
        }
        before |= record.counters
    return found


def _cells(record: StepTrace | None, states: Sequence[str], more: Mapping[str, int]) -> list[str]:
    if record is None:
        return [_NOT_RUN] * (len(states) + 7)
    return [
        record.task,
        compact(record.hooks) if record.hooks else "",
        compact(record.hook_active) if record.hooks else "",
        _value(record.active),
        *(_value(record.state.get(name, "")) for name in states),
        " ".join(name if count == 1 else f"{name}+{count}" for name, count in more.items()),
        "" if record.value is None else f"{record.value:#x}" if record.value > 1 else str(record.value),
        str(record.outstanding or ""),
    ]


def _value(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
