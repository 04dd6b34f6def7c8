# SPDX-License-Identifier: GPL-2.0-only
"""Which functions and macros some lines of C define, by their braces and parentheses alone."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct, field

from lazymmu.header.lines import DIRECTIVE, logical

_DEFINE = re.compile(r"\s+(\w+)")
_C = re.compile(r"\w+|[(){};]")
# These have parentheses before the name of a function comes.
_NO_NAMES = ("__attribute__", "__printf", "__aligned", "__section")


class Definitions(Struct):
    """What lines define and declare outside of functions' bodies: name -> line."""

    functions: dict[str, int] = field(default_factory=dict)
    macros: dict[str, int] = field(default_factory=dict)
    #: Functions without a body.
    declared: dict[str, int] = field(default_factory=dict)
    #: A function whose end is not there, and its line.
    unclosed: tuple[str, int] | None = None


class _Scan(Struct):
    """Where a walk along the lines stands."""

    found: Definitions = field(default_factory=Definitions)
    braces: int = 0
    parentheses: int = 0
    #: What has parentheses behind it, outside of all others.
    candidate: tuple[str, int] | None = None
    #: The function whose body this is.
    body: tuple[str, int] | None = None
    before: str = ""

    def line(self, number: int, line: str) -> None:
        """Take a line that is no directive."""
        if line.startswith("}"):
            # The end of a function, whatever the branches of a conditional in it opened and closed.
            self.braces, self.parentheses, self.candidate, self.body = 1, 0, None, None
        for match in _C.finditer(line):
            self._take(match[0], number)

    def _take(self, word: str, number: int) -> None:
        outside = self.braces == self.parentheses == 0
        if word == "(":
            if outside and self.candidate is None and self.before.isidentifier() and self.before not in _NO_NAMES:
                self.candidate = self.before, number
            self.parentheses += 1
        elif word == ")":
            self.parentheses = max(0, self.parentheses - 1)
        elif word == "{":
            self._open(outside)
        elif word == "}":
            self.braces = max(0, self.braces - 1)
            self.body = self.body if self.braces else None
        elif word == ";" and outside:
            if self.candidate:
                self.found.declared.setdefault(*self.candidate)
            self.candidate = None
        self.before = word

    def _open(self, outside: bool) -> None:
        self.braces += 1
        if outside and self.candidate:
            self.found.functions.setdefault(*self.candidate)
            self.body, self.candidate = self.candidate, None


def names(lines: Iterable[str], first: int = 1) -> Definitions:
    """Return what bare lines define, of which `first` is the number of the first."""
    scan = _Scan()
    for start, _, line in logical("\n".join(lines)):
        number = first + start - 1
        directive = DIRECTIVE.match(line)
        if directive is None:
            scan.line(number, line)
        elif directive[1] == "define" and (defined := _DEFINE.match(directive[2])):
            scan.found.macros.setdefault(defined[1], number)
    scan.found.unclosed = scan.body
    return scan.found
