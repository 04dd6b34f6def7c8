# SPDX-License-Identifier: GPL-2.0-only
"""The layout of a picture: what a case does over time, as columns of lanes. `svg.py` and `text.py` draw it.

A lane is a task on a CPU; a task that migrates has one on each. A column is a step that ran. Columns are in the order
in which steps begin; a context is before its steps, and a call with a before_hook after those.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.subject.case import Case, Step
from lazymmu.subject.limits import MAIN_TASK
from lazymmu.subject.revision import Revision, state_fields
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import StepTrace, Trace

#: The side of a trace, as differences name it.
PREDICTED, OBSERVED = "predicted", "observed"


class Lane(Struct, frozen=True):
    """A task on a CPU."""

    task: str
    cpu: int

    def __str__(self) -> str:
        return f"{self.task}, CPU {self.cpu}"


class Cell(Struct, frozen=True):
    """A lane at the end of a step."""

    #: The nesting counter, and how often the task is paused.
    depth: int = 0
    pauses: int = 0
    #: Whether the mode is active for the task, as seen outside interrupt.
    on: bool = False
    #: Whether the step is this task's.
    runs: bool = False
    #: The letters of the hooks that the step called, and a digit for each: whether the task was active inside it.
    hooks: str = ""
    hook_active: str = ""

    @property
    def band(self) -> tuple[int, int, bool]:
        """What stays from step to step."""
        return self.depth, self.pauses, self.on


class Span(Struct, frozen=True):
    """A context, a `meanwhile` or a before_hook that is open."""

    #: The number of the step that holds the others.
    step: int
    text: str


class Column(Struct, frozen=True):
    """One step."""

    step: int
    op: str
    args: str
    #: The answer of each side, if it has one, such as ` = 1`; empty without one.
    answers: tuple[str, ...]
    #: What the step is in, the outermost first.
    spans: tuple[Span, ...]
    #: For each side, each lane's cell.
    sides: tuple[tuple[Cell, ...], ...]
    #: The outstanding entries of each side at the end of the step; None if they are not visible.
    outstanding: tuple[int | None, ...]
    #: Whether this is the step with the first difference, or the one in which a guest was lost.
    is_marked: bool

    @property
    def title(self) -> str:
        """The operation with its arguments and answers."""
        answers = " /".join(dict.fromkeys(self.answers)) if any(self.answers) else ""
        return f"{self.op}{f' {self.args}' if self.args else ''}{answers}"


class Timeline(Struct, frozen=True):
    """A picture."""

    #: `predicted`, or `predicted` and `observed`.
    sides: tuple[str, ...]
    lanes: tuple[Lane, ...]
    columns: tuple[Column, ...]
    #: A line about the step that is marked.
    mark: str = ""
    title: str = ""

    def around(self, before: int, after: int) -> "Timeline":
        """Return the picture of the columns around the one that is marked, or of the first ones if none is."""
        at = next((number for number, column in enumerate(self.columns) if column.is_marked), 0)
        first = max(at - before, 0)
        return replace(self, columns=self.columns[first : at + after + 1])


class _Side:
    """One trace, step by step."""

    def __init__(self, trace: Trace, case: Case, revision: Revision) -> None:
        self.records = {record.index: record for record in trace.steps}
        self._revision = revision
        self._own = [name for name, _ in state_fields(revision)]
        self._cpus = {MAIN_TASK: 0, **case.tasks}
        self._cells: dict[Lane, Cell] = {}
        self._outstanding: int | None = None

    def column(self, step: Step) -> tuple[dict[Lane, Cell], int | None, str]:
        """Return the lanes' cells at a step, the outstanding entries, and the answer."""
        self._cells = {lane: replace(cell, runs=False, hooks="", hook_active="") for lane, cell in self._cells.items()}
        record = self.records.get(step.index)
        if record is None:
            return self._cells, self._outstanding, ""
        if step.op == "migrate":
            self._cpus[record.task] = int(step.args["cpu"])
        elif step.op == "fork":
            self._cpus[str(step.args["task"])] = self._cpus.get(record.task, 0)
        lane = Lane(record.task, self._cpus.get(record.task, 0))
        # The record of a context is that of its end, and the column that of its beginning.
        band = self._cells.get(lane, Cell()) if step.body else self._band(record)
        self._cells[lane] = replace(band, runs=True, hooks=record.hooks, hook_active=record.hook_active)
        if not step.body:
            self._outstanding = record.outstanding
        return self._cells, self._outstanding, "" if record.value is None else f" = {_number(record.value)}"

    def _band(self, record: StepTrace) -> Cell:
        own = {name: record.state[name] for name in self._own if name in record.state}
        depth = int(own.get(self._revision.DEPTH, 0))
        state: Any = self._revision.STATE(**own)
        on = bool(state.active)
        return Cell(depth, int(own.get("pause_count", depth > 0 and not on)), on)


def timeline(
    case: Case, api: str, traces: Mapping[str, Trace], *, marked: int | None = None, mark: str = ""
) -> Timeline:
    """Return the picture of a case under a revision: of each side, by its name, a trace with its steps.

    `marked` is the number of a step, `mark` a line about it.
    """
    sides = [_Side(trace, case, REVISIONS[api]) for trace in traces.values()]
    ran = {index for side in sides for index in side.records}
    drawn = [(step, spans, [side.column(step) for side in sides]) for step, spans in _begun(case.steps, ran, ())]
    lanes = tuple(dict.fromkeys(lane for *_, of_sides in drawn for cells, *_ in of_sides for lane in cells))
    columns = tuple(
        Column(
            step.index,
            step.op,
            " ".join(_number(value) for value in step.args.values()),
            tuple(answer for *_, answer in of_sides),
            spans,
            tuple(tuple(cells.get(lane, Cell()) for lane in lanes) for cells, *_ in of_sides),
            tuple(outstanding for _, outstanding, _ in of_sides),
            step.index == marked,
        )
        for step, spans, of_sides in drawn
    )
    return Timeline(tuple(traces), lanes, columns, mark)


def _begun(steps: Iterable[Step], ran: set[int], spans: tuple[Span, ...]) -> Iterator[tuple[Step, tuple[Span, ...]]]:
    """Yield the steps that ran, in the order of their columns, each with what it is in."""
    for step in steps:
        if step.before_hook:
            inside = Span(step.index, f"before the hook of {step.index} {step.op}")
            yield from _begun(step.before_hook, ran, (*spans, inside))
        if step.index in ran:
            inside = Span(step.index, " ".join([step.op, *(str(value) for value in step.args.values())]))
            within = (*spans, inside) if step.body else spans
            yield step, within
            yield from _begun(step.body, ran, within)


def _number(value: int | str) -> str:
    """Return an argument or an answer; page table entries in hexadecimal."""
    return f"{value:#x}" if isinstance(value, int) and value > 0xFF else str(value)


def letters(timelines: Sequence[Timeline]) -> str:
    """Return the letters of the hooks that pictures have, each once."""
    cells = (cell for one in timelines for column in one.columns for side in column.sides for cell in side)
    return "".join(dict.fromkeys("".join(cell.hooks for cell in cells)))
