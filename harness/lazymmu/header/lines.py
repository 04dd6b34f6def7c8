# SPDX-License-Identifier: GPL-2.0-only
"""Lines of C as the preprocessor sees them: which stand there only when a macro is defined.

Nothing here is a compiler: what it cannot read it leaves to gcc, whose messages then name the user's own lines. Only
what has no end, a comment or a conditional, is an error here, for gcc would be given another text than the user's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct, field

_TOKEN = re.compile(
    r"""//(?:[^\n\\]|\\.)*  |  /\*.*?\*/  |  /\*  |  "(?:[^"\\\n]|\\.)*"?  |  '(?:[^'\\\n]|\\.)*'?""",
    re.DOTALL | re.VERBOSE,
)
#: A directive, with its name and what follows.
DIRECTIVE = re.compile(r"\s*#\s*(\w+)\b(.*)", re.DOTALL)


class Unreadable(Exception):
    """A text that has no end of something; `line` is where that begins."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


class Region(Struct, frozen=True):
    """Whole lines that stand there only when the macro is defined."""

    #: Number of the first one, from 1.
    first: int
    lines: tuple[str, ...]
    #: The same without comments and what is in strings.
    bare: tuple[str, ...]


def bare(text: str) -> str:
    """Return the text with as many lines, without comments and what is in strings and characters.

    Lines that a comment joins end in a backslash, as it is with lines that are continued. Raises Unreadable.
    """

    def instead(match: re.Match[str]) -> str:
        found = match[0]
        if found == "/*":
            raise Unreadable(text.count("\n", 0, match.start()) + 1, "a comment that begins here has no end")
        lines = "\\\n" * found.count("\n")
        return f" {lines}" if found[0] == "/" else found[0] + lines + found[0]

    return _TOKEN.sub(instead, text)


def logical(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the lines of a bare text, those that are continued as one: its first and last number, and what it says."""
    first, parts = 1, []
    for number, line in enumerate(text.split("\n"), start=1):
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            yield first, number, " ".join(parts)
            first, parts = number + 1, []
    if parts:
        yield first, first + len(parts) - 1, " ".join(parts)


def _needs(macro: str, directive: str, expression: str) -> tuple[bool, bool]:
    """Return whether a condition can only hold with the macro defined, and whether it can only fail so."""
    name = re.escape(macro)
    test = rf"(?:defined\s*\(\s*{name}\s*\)|defined\s+{name}|IS_(?:ENABLED|BUILTIN)\s*\(\s*{name}\s*\))"
    words = expression.strip()
    if directive in ("ifdef", "elifdef"):
        return words == macro, False
    if directive in ("ifndef", "elifndef"):
        return False, words == macro
    # One that is true of parts that all must be is so of all; and the other way round.
    with_it = "||" not in words and any(
        re.fullmatch(rf"\(*\s*{test}\s*\)*", part.strip()) for part in words.split("&&")
    )
    without = "&&" not in words and any(
        re.fullmatch(rf"\(*\s*!\s*\(?\s*{test}\s*\)*", part.strip()) for part in words.split("||")
    )
    return with_it, without


class _Open(Struct):
    """A conditional that is not closed yet."""

    line: int
    what: str
    #: The first line of the branch, when it stands there only with the macro; None when it does not.
    begin: int | None
    #: A condition before this branch failed, which it does only with the macro.
    proven: bool
    #: The branch is never compiled.
    dead: bool
    otherwise: bool = False


class _Walk(Struct):
    """The conditionals of a text, from its top to its bottom."""

    macro: str
    open: list[_Open] = field(default_factory=list)
    #: First line and the one after the last.
    found: list[tuple[int, int]] = field(default_factory=list)

    def line(self, first: int, last: int, directive: str, rest: str) -> None:
        """Take one directive; raises Unreadable."""
        if directive in ("if", "ifdef", "ifndef"):
            self.open.append(_Open(first, f"#{directive}{rest.rstrip()}", None, proven=False, dead=False))
            self._branch(last, directive, rest)
        elif directive in ("elif", "elifdef", "elifndef", "else", "endif"):
            if not self.open:
                raise Unreadable(first, f"#{directive} without #if")
            self._end(first)
            if directive == "endif":
                self.open.pop()
                return
            if self.open[-1].otherwise:
                raise Unreadable(first, f"#{directive} after #else (of the #if at line {self.open[-1].line})")
            self._branch(last, directive, rest)

    def _branch(self, last: int, directive: str, rest: str) -> None:
        top = self.open[-1]
        with_it, without = (False, False) if directive == "else" else _needs(self.macro, directive, rest)
        inside = any(outer.begin is not None or outer.dead for outer in self.open[:-1])
        top.otherwise = directive == "else"
        top.dead = directive in ("if", "elif") and rest.strip() == "0"
        top.begin = last + 1 if (with_it or top.proven) and not inside else None
        top.proven = top.proven or without

    def _end(self, line: int) -> None:
        begin = self.open[-1].begin
        if begin is not None and begin < line:
            self.found.append((begin, line))
        self.open[-1].begin = None


def regions(text: str, macro: str) -> list[Region]:
    """Return the lines that stand there only when a macro is defined, in order. Raises Unreadable."""
    without = bare(text)
    walk = _Walk(macro)
    for first, last, line in logical(without):
        match = DIRECTIVE.match(line)
        if match:
            walk.line(first, last, match[1], match[2])
    if walk.open:
        raise Unreadable(walk.open[-1].line, f"`{walk.open[-1].what}` has no #endif")
    lines, bares = text.split("\n"), without.split("\n")
    return [
        Region(begin, tuple(lines[begin - 1 : end - 1]), tuple(bares[begin - 1 : end - 1])) for begin, end in walk.found
    ]
