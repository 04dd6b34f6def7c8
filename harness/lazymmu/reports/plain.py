# SPDX-License-Identifier: GPL-2.0-only
"""Explains results as plain text without colours, the long text of JUnit, KTAP and HTML; fills in pages with it."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lazymmu.reports import reproduce
from lazymmu.results.failure_groups import FailureGroup
from lazymmu.results.result import Difference, Outcome, Result
from lazymmu.results.run_summary import RunSummary
from lazymmu.subject.trace import compact

if TYPE_CHECKING:
    from jinja2 import Environment

#: Control characters, halves of surrogate pairs and non-characters (XML 1.0, production 2, and C1).
_INVISIBLE = r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
# Most texts are ASCII, so the pattern above, which takes long to compile, is rarely needed.
_NOT_PLAIN = re.compile(r"[^\t\n\x20-\x7e]")
# How many scenarios of a group are named.
_MAX_NAMES = 6


def difference(part: Difference) -> Iterator[str]:
    """Yield the lines of one difference: what and where, then each side."""
    yield f"{part.place}: {part.what}" if part.place else part.what
    width = max((len(name) for name in part.sides), default=0)
    for name, value in part.sides.items():
        yield f"    {name:<{width}}  {value}"


def flaky(result: Result) -> list[str]:
    """Return the line that says so of a flaky result."""
    return ["flaky: it failed, and passed when it ran again in a fresh guest"] if result.flaky else []


def explanation(run: RunSummary, group: FailureGroup) -> Iterator[str]:
    """Yield the lines that explain the first result of a group, how to run it again, and how many others are in it."""
    result = group.first
    yield from flaky(result)
    for part in result.parts:
        yield from difference(part)
    if not result.parts:
        yield from result.reason.splitlines()
    if group.function is not None:
        yield f"see {group.function}"
    if not result.parts:
        yield from result.details.splitlines()
    if result.predicted and result.observed:
        yield f"hooks predicted {compact(result.predicted.hooks)}"
        yield f"hooks observed  {compact(result.observed.hooks)}"
    if result.raw_outcome is not Outcome.SKIP:
        yield reproduce.line(run, result)
    if others := len(group.numbers) - 1:
        machines = counted({f"on {machine}": number for machine, number in group.machines.items()})
        yield f"the same in {others} more, in all {machines}:"
        names = [f"{name} ({number})" if number > 1 else name for name, number in group.scenarios.items()]
        more = [f"and {len(names) - _MAX_NAMES} more scenarios"] if len(names) > _MAX_NAMES else []
        yield f"    {', '.join([*names[:_MAX_NAMES], *more])}"


def in_group(run: RunSummary, result: Result) -> Iterator[str]:
    """Yield the lines of a result in a report that has all: the group's first is explained, the others refer to it."""
    group = run.group_of(result)
    if result.number == group.first.number:
        yield from explanation(run, group)
        return
    yield from flaky(result)
    yield from difference(result.parts[0]) if result.parts else result.reason.splitlines()
    yield f"the same cause as in {group.first.label()}, which is explained there"
    if result.raw_outcome is not Outcome.SKIP:
        yield reproduce.line(run, result)


def cause_line(group: FailureGroup) -> str:
    """Return a group on one line."""
    where = f", {group.function}" if group.function else ""
    return f"{len(group.numbers)} {group.first.outcome}: {group.title}{where}; the smallest: {group.first.label()}"


def counted(counts: Mapping[str, int]) -> str:
    """Return numbers with what they count, such as `2 fail, 1 pass`."""
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def first_line(text: str) -> str:
    """Return the first line of a text; empty if it has none."""
    return next(iter(text.splitlines()), "")


def visible(text: str) -> str:
    r"""Return the text with escapes, such as `\x1b`, for what XML cannot hold and for what a terminal would obey.

    Tabs and line feeds stay. A carriage return is escaped, because XML parsers change it.
    """
    return re.sub(_INVISIBLE, _escape, text) if _NOT_PLAIN.search(text) else text


def _escape(character: re.Match[str]) -> str:
    code = ord(character[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def filled(file: Path, **values: object) -> Iterator[str]:
    """Yield the parts of a page: the template in a file, and these values, escaped for HTML and XML."""
    escaped = file.name.endswith((".html.jinja", ".xml.jinja"))
    yield from _environment(file.parent, escaped).get_template(file.name).generate(values)


@cache
def _environment(folder: Path, escaped: bool) -> "Environment":
    """Return the environment of the templates of a folder; it keeps them compiled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=escaped,  # noqa: S701  (by the name of the template)
        undefined=StrictUndefined,
        # A guest or a file may have characters that a browser cannot show. What a macro returns is escaped already.
        finalize=lambda value: value if hasattr(value, "__html__") else visible(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
