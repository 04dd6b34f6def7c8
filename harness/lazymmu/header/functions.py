# SPDX-License-Identifier: GPL-2.0-only
"""Finds the functions and macros that lines of C define, by braces and parentheses alone."""

import re
from collections.abc import Iterable

from msgspec import Struct, field

from lazymmu.header.lines import DIRECTIVE, logical

_DEFINE = re.compile(r"\s+(\w+)")
_WORD = re.compile(r"\w+")
_C = re.compile(r"\w+|[(){};]")
# Words before the name of a function that have parentheses, too.
_ATTRIBUTES = ("__attribute__", "__printf", "__aligned", "__section")


class Definitions(Struct):
    """What lines define and declare outside of functions: name -> line. It takes one line after the other."""

    functions: dict[str, int] = field(default_factory=dict)
    macros: dict[str, int] = field(default_factory=dict)
    #: Function or macro -> the words in its body.
    words: dict[str, set[str]] = field(default_factory=dict)
    #: Functions without a body.
    declared: dict[str, int] = field(default_factory=dict)
    #: A function whose end is missing, and its line.
    unclosed: tuple[str, int] | None = None
    _braces: int = 0
    _parentheses: int = 0
    #: The first word with parentheses since the last definition or declaration.
    _candidate: tuple[str, int] | None = None
    _before: str = ""

    def take(self, number: int, line: str) -> None:
        """Take a line that is not a directive."""
        if line.startswith("}"):
            # The end of a function, whatever the branches of a conditional in it opened and closed.
            self._braces, self._parentheses, self._candidate = 1, 0, None
        for match in _C.finditer(line):
            self._take_word(match[0], number)

    def _take_word(self, word: str, number: int) -> None:
        outside = self._braces == self._parentheses == 0
        if word == "(":
            if outside and not self._candidate and self._before.isidentifier() and self._before not in _ATTRIBUTES:
                self._candidate = self._before, number
            self._parentheses += 1
        elif word == ")":
            self._parentheses = max(0, self._parentheses - 1)
        elif word == "{":
            self._braces += 1
            if outside and self._candidate:
                self.functions.setdefault(*self._candidate)
                self.unclosed, self._candidate = self._candidate, None
        elif word == "}":
            self._braces = max(0, self._braces - 1)
            self.unclosed = self.unclosed if self._braces else None
        elif word == ";" and outside:
            if self._candidate:
                self.declared.setdefault(*self._candidate)
            self._candidate = None
        elif self.unclosed:
            self.words.setdefault(self.unclosed[0], set()).add(word)
        self._before = word


def definitions(lines: Iterable[str], first: int = 1) -> Definitions:
    """Return what bare lines define; `first` is the number of the first one."""
    found = Definitions()
    for start, _, line in logical("\n".join(lines)):
        number = first + start - 1
        directive = DIRECTIVE.match(line)
        if directive is None:
            found.take(number, line)
        elif directive[1] == "define" and (defined := _DEFINE.match(directive[2])):
            found.macros.setdefault(defined[1], number)
            found.words.setdefault(defined[1], set()).update(_WORD.findall(directive[2]))
    return found
