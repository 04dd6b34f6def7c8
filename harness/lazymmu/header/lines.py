# SPDX-License-Identifier: GPL-2.0-only
"""Lines of C as the preprocessor sees them, and which of them depend on a macro.

This is not a compiler: gcc reports every mistake in C, with the user's own line numbers. Only a comment or a
conditional without an end is an error here, because gcc would then compile another text than the user's.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

_TOKEN = re.compile(
    r"""//(?:[^\n\\]|\\.)*  |  /\*.*?\*/  |  /\*  |  "(?:[^"\\\n]|\\.)*"?  |  '(?:[^'\\\n]|\\.)*'?""",
    re.DOTALL | re.VERBOSE,
)
#: A directive: its name and the rest.
DIRECTIVE = re.compile(r"\s*#\s*(\w+)\b(.*)", re.DOTALL)


class UnreadableError(Exception):
    """A comment or a conditional has no end, or no beginning; `line` says where."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Region(Struct, frozen=True):
    """Whole lines that are compiled only if the macro is defined."""

    #: Number of the first line, from 1.
    first: int
    lines: tuple[str, ...]
    #: The same lines without comments and the content of strings.
    bare: tuple[str, ...]


def bare(text: str) -> str:
    """Return the text without comments and the content of strings, with as many lines. Raises UnreadableError.

    A line that a comment joins to the next one ends in a backslash, like a continued line.
    """

    def shortened(match: re.Match[str]) -> str:
        found = match[0]
        if found == "/*":
            raise UnreadableError(text.count("\n", 0, match.start()) + 1, "a comment that begins here has no end")
        newlines = "\\\n" * found.count("\n")
        return f" {newlines}" if found[0] == "/" else found[0] + newlines + found[0]

    return _TOKEN.sub(shortened, text)


def logical(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield each line of a bare text, joined with its continuations: its first and last number, and its content."""
    first, parts = 1, []
    for number, line in enumerate(text.split("\n"), start=1):
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            yield first, number, " ".join(parts)
            first, parts = number + 1, []
    if parts:
        yield first, first + len(parts) - 1, " ".join(parts)


def _implied(macro: str, directive: str, condition: str) -> bool | None:
    """Return True if a condition holds only with the macro defined, False if it fails only so, else None."""
    name = re.escape(macro)
    test = rf"(?:defined\s*\(\s*{name}\s*\)|defined\s+{name}|IS_(?:ENABLED|BUILTIN)\s*\(\s*{name}\s*\))"
    condition = condition.strip()
    if directive.endswith("def"):
        return (directive in ("ifdef", "elifdef")) if condition == macro else None
    # Each part of a && must hold; each part of a || must fail.
    for part in condition.split("&&") if "||" not in condition else ():
        if re.fullmatch(rf"\(*\s*{test}\s*\)*", part.strip()):
            return True
    for part in condition.split("||") if "&&" not in condition else ():
        if re.fullmatch(rf"\(*\s*!\s*\(?\s*{test}\s*\)*", part.strip()):
            return False
    return None


class _Conditional(Struct):
    """An open #if."""

    line: int
    text: str
    #: The first line of its present branch, if that depends on the macro.
    begin: int | None = None
    #: An earlier condition fails only if the macro is defined.
    proven: bool = False
    #: Its present branch is never compiled.
    dead: bool = False
    has_else: bool = False


def _ranges(text: str, macro: str) -> Iterator[tuple[int, int]]:
    """Yield the lines that depend on the macro: the first, and the one after the last."""
    stack: list[_Conditional] = []
    for first, last, line in logical(text):
        match = DIRECTIVE.match(line)
        if match is None or not re.fullmatch("if(n?def)?|el(se|if(n?def)?)|endif", match[1]):
            continue
        directive, condition = match[1], match[2]
        if directive.startswith("if"):
            stack.append(_Conditional(first, f"#{directive}{condition.rstrip()}"))
        elif not stack:
            raise UnreadableError(first, f"#{directive} without #if")
        top = stack[-1]
        if top.begin is not None and top.begin < first:
            yield top.begin, first
        if directive == "endif":
            stack.pop()
            continue
        if top.has_else:
            raise UnreadableError(first, f"#{directive} after #else (of the #if at line {top.line})")
        top.has_else = directive == "else"
        implied = None if top.has_else else _implied(macro, directive, condition)
        top.dead = directive in ("if", "elif") and condition.strip() == "0"
        inside = any(outer.begin is not None or outer.dead for outer in stack[:-1])
        top.begin = last + 1 if (implied or top.proven) and not inside else None
        top.proven = top.proven or implied is False
    if stack:
        raise UnreadableError(stack[-1].line, f"`{stack[-1].text}` has no #endif")


def regions(text: str, macro: str) -> list[Region]:
    """Return the lines that are compiled only if a macro is defined, in order. Raises UnreadableError."""
    bare_text = bare(text)
    lines, bare_lines = text.split("\n"), bare_text.split("\n")
    return [
        Region(begin, tuple(lines[begin - 1 : end - 1]), tuple(bare_lines[begin - 1 : end - 1]))
        for begin, end in _ranges(bare_text, macro)
    ]
