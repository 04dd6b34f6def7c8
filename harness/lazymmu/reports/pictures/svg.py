# SPDX-License-Identifier: GPL-2.0-only
"""Draws timelines as SVG, from left to right, in rows: no scripts, nothing loaded, and all text escaped.

Lengths are pixels. Text has 12 and 11 of them, so that it can be read where a page scales the picture down a little.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from lazymmu.reports.pictures.timeline import Cell, Column, Timeline, letters
from lazymmu.reports.plain import visible
from lazymmu.subject.counters import HOOKS

WIDTH = 960
_GUTTER, _MARGIN = 118, 8
# The width of a character, a line of text, a lane, the part of it for hooks, one level of a band, and the line below.
_CHARACTER, _LINE, _LANE, _HOOKS, _LEVEL, _OWED = 7.3, 15, 44, 20, 5, 34
_LEVELS = 4
_LONGEST_TEXT = 40
_NARROWEST = 34
# Characters of a line over the whole width.
_WHOLE = (WIDTH - 2 * _MARGIN) / _CHARACTER

#: The style sheet of pictures; a page that has several needs it once.
STYLE = """
svg.timeline { --paper: #ffffff; --ink: #1f2328; --faint: #6a737d; --line: #d0d7de; --on: #2f81f7; --paused: #d29922;
 --span: #8250df; --bad: #cf222e; background: var(--paper);
 font: 12px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
@media (prefers-color-scheme: dark) { svg.timeline { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1;
 --line: #3d444d; --on: #4493f8; --paused: #d29922; --span: #ab7df8; --bad: #f85149; } }
@media print { svg.timeline { --paper: #ffffff; --ink: #000000; --faint: #444444; --line: #bbbbbb; } }
svg.timeline text { fill: var(--ink); }
svg.timeline .title { font-weight: bold; }
svg.timeline .faint { fill: var(--faint); }
svg.timeline .small { font-size: 11px; }
svg.timeline .rule { stroke: var(--line); }
svg.timeline .on { fill: var(--on); fill-opacity: 0.45; stroke: var(--on); }
svg.timeline .paused { fill: var(--paused); fill-opacity: 0.15; stroke: var(--paused); stroke-dasharray: 3 2; }
svg.timeline .span { fill: var(--span); fill-opacity: 0.07; stroke: var(--span); stroke-opacity: 0.5; }
svg.timeline text.in-span { fill: var(--span); }
svg.timeline .runs { stroke: var(--faint); stroke-width: 2; }
svg.timeline .hook { fill: var(--paper); stroke: var(--ink); }
svg.timeline .letter { font-weight: bold; text-anchor: middle; }
svg.timeline .owed { fill: none; stroke: var(--ink); stroke-width: 1.5; }
svg.timeline .mark { fill: var(--bad); fill-opacity: 0.12; stroke: var(--bad); }
svg.timeline text.bad { fill: var(--bad); font-weight: bold; }
"""


def svg(timelines: Sequence[Timeline], *, alone: bool = True) -> str:
    """Return pictures, one below the other, with one legend; `alone`: as a file, with its style sheet."""
    root = Element("svg", {"class": "timeline", "role": "img", "width": str(WIDTH)})
    if alone:
        root.set("xmlns", "http://www.w3.org/2000/svg")
        SubElement(root, "style").text = STYLE
    SubElement(root, "title").text = visible("; ".join(one.title for one in timelines))
    paper = SubElement(root, "rect", {"width": str(WIDTH), "fill": "var(--paper)"})
    y = 0.0
    for one in timelines:
        y = _Drawing(root, one, y).draw() + _LINE
    y = _legend(root, timelines, y)
    for element in (root, paper):
        element.set("height", f"{y + _MARGIN:g}")
    root.set("viewBox", f"0 0 {WIDTH} {y + _MARGIN:g}")
    return ElementTree.tostring(root, encoding="unicode") + ("\n" if alone else "")


def _text(root: Element, x: float, y: float, words: str, kind: str = "") -> None:
    element = SubElement(root, "text", {"x": f"{x:g}", "y": f"{y:g}", **({"class": kind} if kind else {})})
    element.text = visible(words)


def _box(root: Element, kind: str, x: float, y: float, width: float, height: float) -> Element:
    sizes = {"x": x, "y": y, "width": width, "height": height}
    return SubElement(root, "rect", {"class": kind, **{name: f"{size:g}" for name, size in sizes.items()}})


def _line(root: Element, kind: str, x: float, y: float, to: float) -> None:
    SubElement(root, "path", {"class": kind, "d": f"M{x:g} {y:g}H{to:g}"})


def _short(words: str, longest: float = _LONGEST_TEXT) -> str:
    """Return words without what is beyond so many characters."""
    return words if len(words) <= longest else f"{words[: max(int(longest) - 1, 0)]}…"


def _words(column: Column) -> tuple[str, str]:
    """Return the two lines of text of a column."""
    return _short(f"{column.step} {column.op}"), _short(column.title.removeprefix(column.op).strip())


def _width(column: Column, before: Column | None) -> float:
    """Return the width of a column: its texts, and those of what begins with it."""
    begun = [span.text for span in column.spans if before is None or span not in before.spans]
    return max(_NARROWEST, max(map(len, (*_words(column), *begun))) * _CHARACTER + 2 * _MARGIN)


def _rows(columns: Sequence[Column]) -> Iterator[list[tuple[Column, float, float]]]:
    """Yield the columns of each row, each with its left and right edge."""
    row: list[tuple[Column, float, float]] = []
    x = float(_GUTTER)
    for before, column in zip((None, *columns), columns, strict=False):
        width = min(_width(column, before), WIDTH - _MARGIN - _GUTTER)
        if row and x + width > WIDTH - _MARGIN:
            yield row
            row, x = [], float(_GUTTER)
        row.append((column, x, x + width))
        x += width
    if row:
        yield row


class _Drawing:
    """One timeline, drawn into an element from `y` on."""

    def __init__(self, root: Element, one: Timeline, y: float) -> None:
        self._root, self._one, self._y = root, one, y

    def draw(self) -> float:
        """Draw it. Returns the y of its end."""
        self._y += _LINE + 4
        _text(self._root, _MARGIN, self._y, _short(self._one.title, _WHOLE), "title")
        if self._one.mark:
            self._y += _LINE
            _text(self._root, _MARGIN, self._y, _short(self._one.mark, _WHOLE), "bad")
        for row in _rows(self._one.columns):
            self._row(row)
        return self._y

    def _row(self, row: list[tuple[Column, float, float]]) -> None:
        top = self._y + _MARGIN
        deepest = max(len(column.spans) for column, *_ in row)
        words = top + deepest * _LINE
        lanes = words + 2 * _LINE + 6
        shown = [number for number, _ in enumerate(self._one.lanes) if self._is_shown(number, row)]
        owed = [at for at, _ in enumerate(self._one.sides) if row[0][0].outstanding[at] is not None]
        end = lanes + len(shown) * len(self._one.sides) * _LANE + len(owed) * _OWED
        for column, left, right in row:
            if column.is_marked:
                _box(self._root, "mark", left, top, right - left, end - top)
        for depth in range(deepest):
            self._spans(row, depth, top + depth * _LINE, end)
        for column, left, _ in row:
            first, second = _words(column)
            _text(self._root, left + 4, words + _LINE - 3, first, "bad" if column.is_marked else "")
            if second:
                _text(self._root, left + 4, words + 2 * _LINE - 3, second, "faint")
        y = lanes
        for number in shown:
            for at, side in enumerate(self._one.sides):
                lane = self._one.lanes[number]
                _text(self._root, _MARGIN, y + _HOOKS, _short(lane.task, 14))
                about = f"CPU {lane.cpu}{f' {side}' if len(self._one.sides) > 1 else ''}"
                _text(self._root, _MARGIN, y + _HOOKS + _LINE, about, "faint small")
                self._lane(row, at, number, y)
                y += _LANE
        for at in owed:
            side = f" {self._one.sides[at]}" if len(owed) > 1 else ""
            _text(self._root, _MARGIN, y + _OWED - 10, f"owed{side}", "faint small")
            self._outstanding(row, at, y)
            y += _OWED
        self._y = end + _MARGIN

    def _is_shown(self, number: int, row: list[tuple[Column, float, float]]) -> bool:
        """Return whether a lane runs in a row, or is in a section or paused there."""
        cells = [side[number] for column, *_ in row for side in column.sides]
        return any(cell.runs or any(cell.band) for cell in cells)

    def _spans(self, row: list[tuple[Column, float, float]], depth: int, top: float, end: float) -> None:
        for span, some in groupby(row, key=lambda one: one[0].spans[depth : depth + 1]):
            if span:
                columns = list(some)
                left, right = columns[0][1] + 1, columns[-1][2] - 1
                _box(self._root, "span", left, top, right - left, end - top)
                words = _short(span[0].text, (right - left) / _CHARACTER - 1)
                _text(self._root, left + 4, top + _LINE - 3, words, "in-span small")

    def _lane(self, row: list[tuple[Column, float, float]], at: int, number: int, y: float) -> None:
        """Draw a lane: its bands, what its task runs, and its hooks."""
        bottom = y + _LANE - 4
        _line(self._root, "rule", _GUTTER, bottom, row[-1][2])
        for band, some in groupby(row, key=lambda one: one[0].sides[at][number].band):
            columns = list(some)
            self._band(columns[0][0].sides[at][number], columns[0][1], columns[-1][2], bottom) if any(band) else None
        for runs, some in groupby(row, key=lambda one: one[0].sides[at][number].runs):
            columns = list(some)
            if runs:
                _line(self._root, "runs", columns[0][1], bottom, columns[-1][2])
        for column, left, _ in row:
            cell = column.sides[at][number]
            for turn, (letter, digit) in enumerate(zip(cell.hooks, cell.hook_active, strict=True)):
                self._hook(column, letter, digit, left + 13 + 18 * turn, y + 11)

    def _band(self, cell: Cell, left: float, right: float, bottom: float) -> None:
        levels = min(max(cell.depth, 1), _LEVELS)
        kind = "on" if cell.on else "paused"
        for level in range(levels):
            _box(self._root, kind, left, bottom - (level + 1) * _LEVEL, right - left, _LEVEL)
        number = f"{cell.depth}" if cell.depth else "paused" if cell.pauses else "on"
        number += f" paused {cell.pauses}" if cell.depth and cell.pauses > 1 else ""
        # Above the band, right of the hooks.
        _text(self._root, left + 4, bottom - levels * _LEVEL - 2, number, "small faint")

    def _hook(self, column: Column, letter: str, digit: str, x: float, y: float) -> None:
        circle = SubElement(self._root, "circle", {"class": "hook", "cx": f"{x:g}", "cy": f"{y:g}", "r": "8"})
        inside = "active" if digit == "1" else "not active"
        SubElement(
            circle, "title"
        ).text = f"step {column.step} calls {HOOKS.get(letter, letter)}; the task is {inside} inside"
        _text(self._root, x, y + 4, letter, "letter")

    def _outstanding(self, row: list[tuple[Column, float, float]], at: int, y: float) -> None:
        """Draw the line of outstanding entries: its height is their share of the most, its figures say how many."""
        most = max((column.outstanding[at] or 0 for column in self._one.columns), default=0) or 1
        bottom = y + _OWED - 6
        path = f"M{row[0][1]:g} "
        last: int | None = None
        for column, left, right in row:
            count = column.outstanding[at] or 0
            level = bottom - (_OWED - 20) * count / most
            path += f"{f'{level:g}' if last is None else f'V{level:g}'}H{right:g}"
            if count != last:
                _text(self._root, left + 4, level - 2, str(count), "small")
            last = count
        SubElement(self._root, "path", {"class": "owed", "d": path})


def _legend(root: Element, timelines: Sequence[Timeline], y: float) -> float:
    """Draw what the letters and bands mean. Returns the y of its end."""
    words = [f"{letter} {HOOKS.get(letter, letter)}" for letter in letters(timelines)]
    words += ["owed: entries whose last write has not taken full effect"]
    y += _LINE
    x = float(_MARGIN)
    for kind, meaning in (("on", "in a section, a band for each level"), ("paused", "paused")):
        _box(root, kind, x, y - 9, 20, 10)
        _text(root, x + 26, y, meaning, "small faint")
        x += 26 + (len(meaning) + 3) * 6.8
    for word in words:
        if x + len(word) * 6.8 > WIDTH:
            x, y = float(_MARGIN), y + _LINE
        _text(root, x, y, word, "small faint")
        x += (len(word) + 3) * 6.8
    return y
