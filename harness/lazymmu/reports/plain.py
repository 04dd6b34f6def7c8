# SPDX-License-Identifier: GPL-2.0-only
"""What a result says to a person, as plain text without colours: the long text of JUnit, KTAP and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from lazymmu.results.result import Difference, Outcome, Result
from lazymmu.subject.trace import compact

#: Control characters, halves of surrogate pairs and non-characters (XML 1.0, production 2, and C1 besides).
_INVISIBLE = r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
# To compile the one above takes long, and most texts need it not.
_NOT_PLAIN = re.compile(r"[^\t\n\x20-\x7e]")


def difference(found: Difference) -> Iterator[str]:
    """Yield the lines of one difference: what and where, then each side."""
    yield f"{found.place}: {found.what}" if found.place else found.what
    width = max((len(name) for name in found.sides), default=0)
    for name, value in found.sides.items():
        yield f"    {name:<{width}}  {value}"


def explanation(result: Result) -> Iterator[str]:
    """Yield the lines that explain a result that is no pass."""
    for found in result.differences:
        yield from difference(found)
    if not result.differences:
        yield from result.reason.splitlines()
        yield from result.details.splitlines()
    if result.predicted and result.observed and result.outcome is not Outcome.PASS:
        yield f"hooks predicted {compact(result.predicted.hooks)}"
        yield f"hooks observed  {compact(result.observed.hooks)}"


def counted(counts: Mapping[str, int]) -> str:
    """Return how many there are of each, as `2 fail, 1 pass`."""
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def first_line(text: str) -> str:
    """Return the first line of a text that may have many, or none."""
    return next(iter(text.splitlines()), "")


def visible(text: str) -> str:
    r"""Return the text with what XML cannot hold or a terminal would obey written as escapes, as `\x1b` and `\ud800`.

    Tabs and line ends stay; a carriage return is an escape, for readers change it.
    """
    return re.sub(_INVISIBLE, _escape, text) if _NOT_PLAIN.search(text) else text


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
