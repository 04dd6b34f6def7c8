# SPDX-License-Identifier: GPL-2.0-only
"""Draws timelines as text of at most 100 columns, for a mail: a line for each step, a column for each lane.

Lines that are repeated, except for the numbers of steps and in arguments, are shown once.
"""

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap

from lazymmu.reports.pictures.timeline import Cell, Column, Timeline, letters
from lazymmu.subject.counters import HOOKS

WIDTH = 100
# Columns of text: the step's number, what it is, and the outstanding entries of a side.
_NUMBER, _STEP, _OUTSTANDING = 7, 31, 5
# A lane is at least so wide; with more lanes than fit, each side has one column that names the lane.
_LANE = 11
# So many levels are drawn; more are written as `|*254`.
_LEVELS = 5
# Up to so many lines are shown once if they come so many times more.
_LONGEST, _TIMES = 16, 3
_BANDS = (
    ("|", "a level of nesting"),
    (":", "a level while the task is paused"),
    ("-", "paused outside a section"),
    ("+", "on outside a section"),
    (" p2", "paused twice"),
)


def text(timelines: Sequence[Timeline]) -> Iterator[str]:
    """Yield the lines of pictures, with one legend at the end."""
    drawn = []
    for one in timelines:
        yield one.title
        yield from (f"> {line}" for line in wrap(one.mark, WIDTH - 2))
        lines = list(_folded(list(_lines(one))))
        drawn += lines
        yield from (*lines, "")
    hooks = [f"{letter} {HOOKS.get(letter, letter)}" for letter in letters(timelines)]
    bands = [
        f"{sign.strip()} {meaning}"
        for sign, meaning in _BANDS
        if any(sign in line[_NUMBER + _STEP :] for line in drawn)
    ]
    yield from _wrapped([*hooks, *bands, "owed: entries whose last write has not taken full effect"])


def _wrapped(words: Sequence[str]) -> Iterator[str]:
    line = ""
    for word in words:
        if line and len(line) + 2 + len(word) > WIDTH:
            yield line
            line = ""
        line += f"{'; ' if line else ''}{word}"
    yield line


def _folded(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines, those that come again and again once."""
    keys = [re.sub(r" *\d+", "#", line[: _NUMBER + _STEP]).rstrip() + line[_NUMBER + _STEP :] for line in lines]
    at = 0
    while at < len(lines):
        times, length = max((_times(keys, at, length), length) for length in range(1, _LONGEST + 1))
        if times < _TIMES:
            times, length = 0, 1
        yield from lines[at : at + length]
        if times:
            what = "this" if length == 1 else f"these {length} lines"
            yield f"{'':{_NUMBER}}... {what} {times} times more, with other numbers"
        at += (times + 1) * length


def _times(keys: Sequence[str], at: int, length: int) -> int:
    """Return how often the next lines, so many, come again right after themselves."""
    block, times = keys[at : at + length], 0
    while keys[at + (times + 1) * length : at + (times + 2) * length] == block:
        times += 1
    return times


def _lines(one: Timeline) -> Iterator[str]:
    owed = [number for number, _ in enumerate(one.sides) if any(c.outstanding[number] is not None for c in one.columns)]
    room = WIDTH - _NUMBER - _STEP - _OUTSTANDING * len(owed)
    width = room // max(len(one.lanes) * len(one.sides), 1)
    is_narrow = width < _LANE
    width = min(room // len(one.sides) if is_narrow else width, 24)
    names = ["task, CPU"] if is_narrow else [str(lane) for lane in one.lanes]
    several = len(one.sides) > 1
    heading = "".join(_fit(name, width) for name in names for _ in one.sides)
    yield f"{'step':>{_NUMBER - 2}}  {'':{_STEP}}{heading}{'owed' if owed else '':>{_OUTSTANDING}}".rstrip()
    if several:
        sides = "".join(_fit(side, width) for _ in names for side in one.sides)
        yield f"{'':{_NUMBER + _STEP}}{sides}{''.join(f' {one.sides[at][:3]}.' for at in owed)}"
    open_spans: tuple[object, ...] = ()
    for column in one.columns:
        for depth, span in enumerate(column.spans):
            # A context has a column of its own.
            if open_spans[: depth + 1] != column.spans[: depth + 1] and span.step != column.step:
                yield f"{'':{_NUMBER}}{'  ' * depth}{span.text}:"[:WIDTH]
        open_spans = column.spans
        holds = bool(column.spans) and column.spans[-1].step == column.step
        name = "  " * (len(column.spans) - holds) + column.title + (":" if holds else "")
        cells = (
            _narrow(one, column)
            if is_narrow
            else [
                _cell(side[lane], several_lanes=len(one.lanes) > 1)
                for lane in range(len(one.lanes))
                for side in column.sides
            ]
        )
        figures = "".join(
            f"{'' if column.outstanding[at] is None else column.outstanding[at]:>{_OUTSTANDING}}" for at in owed
        )
        mark = ">" if column.is_marked else " "
        line = f"{mark}{column.step:>{_NUMBER - 3}}  {_fit(name, _STEP)}{''.join(_fit(cell, width) for cell in cells)}"
        yield f"{line}{figures}".rstrip()


def _narrow(one: Timeline, column: Column) -> list[str]:
    """Return a cell for each side: its lane that runs, by its name."""
    cells = []
    for side in column.sides:
        running = ((lane, cell) for lane, cell in zip(one.lanes, side, strict=True) if cell.runs)
        cells.append(next((f"{lane}  {_cell(cell, several_lanes=False)}" for lane, cell in running), ""))
    return cells


def _cell(cell: Cell, *, several_lanes: bool) -> str:
    running = ("> " if cell.runs else "  ") if several_lanes else ""
    return f"{running}{cell.hooks:<2} {_band(cell)}"


def _band(cell: Cell) -> str:
    if not cell.depth:
        return "+" if cell.on else "-" if cell.pauses else ""
    sign = "|" if cell.on else ":"
    levels = sign * cell.depth if cell.depth <= _LEVELS else f"{sign}*{cell.depth}"
    return f"{levels} p{cell.pauses}" if cell.pauses > 1 else levels


def _fit(words: str, width: int) -> str:
    """Return words in so many columns; the last is blank."""
    return f"{words if len(words) < width else f'{words[: width - 2]}~':{width}}"
