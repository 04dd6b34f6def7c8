# SPDX-License-Identifier: GPL-2.0-only
"""The changes that a patch makes to files, and their application to a text, with offset and fuzz like patch(1)'s."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from unidiff.constants import DEV_NULL, LINE_TYPE_ADDED, LINE_TYPE_CONTEXT, LINE_TYPE_REMOVED
from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk as ParsedHunk
from unidiff.patch import PatchedFile, PatchSet

from lazymmu.header.mails import DIFF, Mail
from lazymmu.header.text import HeaderError

# Lines of context, at either end of a hunk, that may differ.
_FUZZ = 2
_INDEX = re.compile(r"^index ([0-9a-f]{7,40})\.\.")


class Hunk(Struct, frozen=True):
    """Lines to replace."""

    #: As the patch has it, with the function after the numbers.
    header: str
    #: The index of the first line in the text for which the patch was made.
    start: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    #: How many lines of context it begins and ends with.
    before: int
    after: int

    def reversed(self) -> "Hunk":
        """Return the hunk that takes this one back."""
        return Hunk(self.header, self.start, self.new, self.old, self.before, self.after)


class Change(Struct, frozen=True):
    """What one mail changes in one file."""

    #: The path in the tree; None if the mail removes the file.
    path: str | None
    #: The path before, which differs if the file is moved; None for a new file.
    before: str | None
    hunks: tuple[Hunk, ...]
    #: The beginning of git's name of the file's content before.
    blob: str = ""
    #: Which mail it is in.
    subject: str = ""


class Refused(Exception):
    """A hunk does not apply."""


class Fit(Struct, frozen=True):
    """How well changes fit a text."""

    text: str
    #: The largest number of lines by which a hunk had to be moved.
    offset: int = 0
    #: The most lines of context that had to be left out.
    fuzz: int = 0


def changes(name: str, mail: Mail) -> list[Change]:
    """Return what a mail of `--patch NAME` changes. Raises HeaderError for a hunk that is not whole."""
    begin = DIFF.search(mail.text)
    assert begin  # noqa: S101  (mails.py keeps no other mails)
    lines = mail.text[begin.start() :].splitlines(keepends=True)
    seen: list[str] = []

    def noted() -> Iterator[str]:
        for line in lines:
            seen.append(line)
            yield line

    try:
        files = PatchSet(noted())
    except UnidiffParseError as error:
        hunk = next((line.rstrip() for line in reversed(seen) if line.startswith("@@")), "")
        where = f"{mail.subject or 'its diff'}: the hunk `{hunk}` is damaged at `{seen[-1].rstrip()}`"
        raise HeaderError(
            f"--patch {name}: {where}: {str(error).partition(':')[0]}",
            hint="a mail program may have wrapped or cut lines: give the mail as the list's archive has it",
        ) from None
    return [_change(one, mail.subject) for one in files]


def _change(file: PatchedFile, subject: str) -> Change:
    before, path = _path(file.source_file, file.target_file), _path(file.target_file, file.source_file)
    blob = next((found[1] for line in file.patch_info or () if (found := _INDEX.match(line))), "")
    return Change(path, before, tuple(_hunk(hunk) for hunk in file), blob, subject)


def _path(name: str, other: str) -> str | None:
    """Return the path in the tree that a diff's name means: as a rule one folder stands in front of it."""
    if name == DEV_NULL:
        return None
    first, _, rest = name.strip('"').partition("/")
    other_first, _, other_rest = other.strip('"').partition("/")
    is_prefix = len(first) == 1 or (first != other_first and rest == other_rest)
    return rest if rest and is_prefix else name


def _hunk(parsed: ParsedHunk) -> Hunk:
    lines = [(line.line_type, line.value.rstrip("\n")) for line in parsed]
    kinds = [kind for kind, _ in lines if kind in (LINE_TYPE_CONTEXT, LINE_TYPE_ADDED, LINE_TYPE_REMOVED)]
    marks = "".join(kinds)
    ranges = f"-{parsed.source_start},{parsed.source_length} +{parsed.target_start},{parsed.target_length}"
    return Hunk(
        header=f"@@ {ranges} @@ {parsed.section_header}".rstrip(),
        # A hunk without old lines names the line after which it adds the new ones.
        start=parsed.source_start - (1 if parsed.source_length else 0),
        old=tuple(text for kind, text in lines if kind in (LINE_TYPE_CONTEXT, LINE_TYPE_REMOVED)),
        new=tuple(text for kind, text in lines if kind in (LINE_TYPE_CONTEXT, LINE_TYPE_ADDED)),
        before=len(marks) - len(marks.lstrip()),
        after=len(marks) - len(marks.rstrip()),
    )


def applied(text: str, wanted: Sequence[Change]) -> Fit:
    """Return a text with changes, and how well they fit. Raises Refused with the first hunk that does not."""
    offset = fuzz = 0
    lines = text.split("\n")
    for change in wanted:
        moved, end, result = 0, 0, []
        for number, hunk in enumerate(change.hunks, 1):
            found = _found(lines, hunk, hunk.start + moved, end)
            if found is None:
                which = f"hunk {number} of {len(change.hunks)}{_of(change)}"
                raise Refused(f"{which}, `{hunk.header}`: {_why(lines, hunk)}")
            place, dropped = found
            cut_before, cut_after = min(dropped, hunk.before), min(dropped, hunk.after)
            result += [*lines[end:place], *hunk.new[cut_before : len(hunk.new) - cut_after]]
            end = place + len(hunk.old) - cut_before - cut_after
            moved = place - cut_before - hunk.start
            offset, fuzz = max(offset, abs(moved)), max(fuzz, dropped)
        lines = [*result, *lines[end:]]
    return Fit("\n".join(lines), offset, fuzz)


def _found(lines: Sequence[str], hunk: Hunk, expected: int, least: int) -> tuple[int, int] | None:
    """Return the line at which a hunk's old lines are, and how many of its context were left out for that."""
    for fuzz in range(_FUZZ + 1):
        before, after = min(fuzz, hunk.before), min(fuzz, hunk.after)
        old = list(hunk.old[before : len(hunk.old) - after])
        places = range(least, len(lines) - len(old) + 1)
        near = sorted(places, key=lambda place: abs(place - expected - before))
        for place in near if old else [expected]:
            if lines[place : place + len(old)] == old:
                return place, fuzz
    return None


def _of(change: Change) -> str:
    return f" in {change.subject!r}" if change.subject else ""


def _why(lines: Sequence[str], hunk: Hunk) -> str:
    """Return the first difference from the lines that are most like a hunk's old ones."""
    begin = max(range(len(lines)), key=lambda at: _alike(lines, at, hunk.old))
    for number, wanted in enumerate(hunk.old, begin):
        there = lines[number] if number < len(lines) else "(the end)"
        if there != wanted:
            return f"it wants `{wanted}` where line {number + 1} is `{there}`"
    return "another hunk changes these lines, too"


def _alike(lines: Sequence[str], at: int, old: Sequence[str]) -> int:
    return sum(there == wanted != "" for there, wanted in zip(lines[at:], old, strict=False))
