# SPDX-License-Identifier: GPL-2.0-only
"""What a compiler and modpost say, in terms of the user's files: no path of the sandbox, no command line."""

import re
from collections.abc import Iterator, Mapping, Sequence

MESSAGE = re.compile(r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?:(?P<column>\d+):)? (?P<what>.*)$")
UNDEFINED = re.compile(r'^ERROR: modpost: "(\w+)" .* undefined!$', re.MULTILINE)
# The most lines that are shown.
_MAX = 20


def messages(texts: Mapping[str, tuple[str, str]], lines: Sequence[str], *, tab: int = 1) -> Iterator[str]:
    """Yield the compiler's messages, those about the texts with the user's line and a mark at the column.

    `texts` has for each name that the compiler sees the path to show, and the text. Of other files, only errors are
    shown, with the file's name. `tab` is the width of a tab in the compiler's columns: gcc counts 8 in a file that it
    can read, and 1 in one that `#line` names.
    """
    for line in lines:
        match = MESSAGE.match(line)
        if match and match["file"] in texts:
            shown, text = texts[match["file"]]
            whole, number = text.split("\n"), int(match["line"])
            line_of_text = whole[number - 1] if 0 < number <= len(whole) else ""
            before = _before(line_of_text, int(match["column"] or 1), tab)
            column = f"{len(before.encode()) + 1}:" if match["column"] else ""
            yield f"    {shown}:{number}:{column} {match['what']}"
            if column and line_of_text:
                yield f"      {line_of_text}"
                yield "      " + re.sub(r"[^\t]", " ", before) + "^"
        elif match and ": error: " in line:
            yield f"    {line.rpartition('/')[2]}"


def _before(line: str, column: int, tab: int) -> str:
    """Return what is before a column of a line; columns count bytes, and more for a tab."""
    width = 0
    for index, character in enumerate(line):
        if width >= column - 1:
            return line[:index]
        width += tab - width % tab if character == "\t" else len(character.encode())
    return line


def undefined(texts: Mapping[str, tuple[str, str]], output: str) -> Iterator[str]:
    """Yield where the texts use names that the kernel does not export to modules."""
    for name in sorted(set(UNDEFINED.findall(output))):
        for shown, text in texts.values():
            for number, line in enumerate(text.split("\n"), 1):
                if re.search(rf"\b{name}\b", line):
                    yield f"    {shown}:{number}: error: `{name}` is not available to modules"


def message(first: str, lines: Sequence[str]) -> str:
    """Return a message of these lines, not too many."""
    more = [f"    ({len(lines) - _MAX} more lines)"] if len(lines) > _MAX else []
    return "\n".join([first, *lines[:_MAX], *more])
