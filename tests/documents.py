# SPDX-License-Identifier: GPL-2.0-only
"""The documents as tests read them: code blocks, commands and headings.

A block marked `sh` holds commands that a test runs; `# exits with N` after one gives its status. A plain block right
after it shows the output. A block marked `console` holds commands, after `$ `, that are only parsed.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lazymmu.support.project import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_RECIPE = re.compile(r"^### ([^\n]*)\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
_LAZYMMU = re.compile(r"(?:git bisect run )?(?:\S*/)?lazymmu( .*)?$")


def name(document: Path) -> str:
    """Return a document's path in the checkout."""
    return str(document.relative_to(ROOT))


@dataclass(frozen=True)
class Command:
    """A command in a document."""

    line: int
    words: tuple[str, ...]
    #: As the document has it.
    text: str = ""
    status: int = 0
    #: What it writes, as the document shows it; `...` stands for lines that are left out.
    output: str | None = None


@dataclass(frozen=True)
class SavedFile:
    """An example that the reader saves as a file."""

    line: int
    path: str
    text: str


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def steps(text: str) -> Iterator[Command | SavedFile]:
    """Yield what a reader does who follows a document: save files and run the commands of `sh` blocks."""
    blocks = list(_BLOCK.finditer(text))
    for number, block in enumerate(blocks):
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        if saved := re.search(r"Save this as\s`([^`]+)`:\s*$", text[: block.start()]):
            yield SavedFile(_line(text, block.start()), saved[1], block[2])
        if block[1] != "sh":
            continue
        adjacent = following is not None and not following[1] and not text[block.end() : following.start()].strip()
        commands = [line for line in block[2].splitlines() if line.strip()]
        for turn, line in enumerate(commands):
            command, _, comment = line.partition("#")
            last = turn == len(commands) - 1
            yield Command(
                _line(text, block.start()) + 1 + turn,
                tuple(shlex.split(command)),
                command.strip(),
                int(comment.split()[-1]) if comment else 0,
                following[2] if following is not None and adjacent and last else None,
            )


def recipes() -> dict[str, str]:
    """Return the recipes of CONTRIBUTING.md: title -> text."""
    return dict(_RECIPE.findall((ROOT / "CONTRIBUTING.md").read_text().partition("## Recipes")[2]))


def missing(example: str, written: str) -> list[str]:
    """Return the lines of an example that an output does not have in this order."""
    lines = iter(written.splitlines())
    return [
        line
        for line in example.splitlines()
        if line != "..." and not any(re.fullmatch(_pattern(line), real.rstrip()) for real in lines)
    ]


def _pattern(line: str) -> str:
    """Return a pattern for a line of output; times differ from run to run."""
    return re.sub(r"in\\ [\d\\.]+\\ s$", r"in [\\d.]+ s", re.escape(line.rstrip()))


def prose(text: str) -> str:
    """Return a document with its code blocks emptied, so that line numbers stay."""
    return _BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text)


def mentioned(text: str) -> Iterator[Command]:
    """Yield each lazymmu command of a document: in `sh` and `console` blocks, and in code within the prose."""
    for block in _BLOCK.finditer(text):
        prompt = {"sh": "", "console": "$ "}.get(block[1])
        for number, line in enumerate(block[2].splitlines()):
            if prompt is not None and line.startswith(prompt):
                yield from _lazymmu(
                    line.partition("  #")[0].removeprefix("$ "), _line(text, block.start()) + 1 + number
                )
    for code in re.finditer(r"(?<!`)`([^`]+)`(?!`)", prose(text)):
        yield from _lazymmu(" ".join(code[1].split()), _line(prose(text), code.start()))


def _lazymmu(command: str, line: int) -> Iterator[Command]:
    if found := _LAZYMMU.match(command):
        yield Command(line, tuple(shlex.split((found[1] or "").partition(" > ")[0])))


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
