# SPDX-License-Identifier: GPL-2.0-only
"""Draws plots as SVG: outcomes of runs, outcomes of one case, a figure by time. Colours are classes of the page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from lazymmu.reports.plain import visible

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _STRIP = 960, 170, 60, 14, 22, 14
#: The widest column of a run, and the least height of a part of it.
_WIDEST, _LEAST_HEIGHT = 24.0, 2.0


def _root(height: float, width: float, title: str) -> Element:
    root = Element("svg", {"class": "plot", "role": "img", "viewBox": f"0 0 {width:g} {height:g}"})
    root.attrib |= {"width": f"{width:g}", "height": f"{height:g}"}
    SubElement(root, "title").text = visible(title)
    return root


def _text(root: Element, x: float, y: float, words: str, anchor: str = "start") -> None:
    SubElement(root, "text", {"x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor}).text = visible(words)


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"


def _axes(root: Element, most: float, unit: str, times: Sequence[datetime]) -> None:
    """Draw both axes, with the days of the first and the last value."""
    for share in (0.0, 0.5, 1.0):
        y = _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share)
        SubElement(root, "path", {"class": "axis", "d": f"M{_LEFT} {y:g}H{_WIDTH}"})
        _text(root, _LEFT - 6, y + 4, f"{most * share:.3g}", "end")
    _text(root, _LEFT, _TOP - 4, unit)
    _text(root, _LEFT, _HEIGHT - 6, _day(times[0]))
    _text(root, _WIDTH, _HEIGHT - 6, _day(times[-1]), "end")


def bars(columns: Sequence[Mapping[str, int]], times: Sequence[datetime], kinds: Sequence[str], title: str) -> str:
    """Return a column for each run, with its numbers of each kind, the first at the bottom: what is rare and bad."""
    root = _root(_HEIGHT, _WIDTH, title)
    most = max((sum(column.values()) for column in columns), default=0) or 1
    _axes(root, most, "cases", times)
    step = min((_WIDTH - _LEFT) / len(columns), _WIDEST)
    scale = (_HEIGHT - _TOP - _BOTTOM) / most
    paths = dict.fromkeys(kinds, "")
    for number, column in enumerate(columns):
        y = float(_HEIGHT - _BOTTOM)
        for kind in kinds:
            if count := column.get(kind, 0):
                # One failure among thousands is visible, too.
                height = max(count * scale, _LEAST_HEIGHT)
                y -= height
                paths[kind] += f"M{_LEFT + number * step:.1f} {y:.1f}h{step * 0.9:.1f}v{height:.1f}h{-step * 0.9:.1f}z"
    for kind, path in paths.items():
        if path:
            SubElement(root, "path", {"class": kind, "d": path})
    return ElementTree.tostring(root, encoding="unicode")


def strip(letters: str, kinds: Mapping[str, str], title: str) -> str:
    """Return a small box for each letter, in the colour of its kind; those without a colour are left out."""
    step = min(480 / max(len(letters), 1), 10.0)
    root = _root(_STRIP, 480, title)
    for letter, kind in kinds.items():
        places = [number for number, one in enumerate(letters) if one == letter]
        path = "".join(f"M{at * step:.1f} 0h{step * 0.9:.1f}v{_STRIP}h{-step * 0.9:.1f}z" for at in places)
        if path:
            SubElement(root, "path", {"class": kind, "d": path})
    return ElementTree.tostring(root, encoding="unicode")


def line(points: Sequence[tuple[datetime, float]], unit: str, title: str, mark: datetime | None = None) -> str:
    """Return the line of a figure from 0 on, a point for each value, and a mark where it changed."""
    root = _root(_HEIGHT, _WIDTH, title)
    most = max(value for _, value in points) * 1.05 or 1.0
    _axes(root, most, unit, [time for time, _ in points])
    step = (_WIDTH - _LEFT) / max(len(points) - 1, 1)
    scale = (_HEIGHT - _TOP - _BOTTOM) / most
    places = [(_LEFT + at * step, _HEIGHT - _BOTTOM - value * scale) for at, (_, value) in enumerate(points)]
    SubElement(root, "path", {"class": "line", "d": "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)})
    for (x, _), (time, _) in zip(places, points, strict=True):
        if time == mark:
            SubElement(root, "path", {"class": "mark", "d": f"M{x:.1f} {_TOP}V{_HEIGHT - _BOTTOM}"})
    return ElementTree.tostring(root, encoding="unicode")
