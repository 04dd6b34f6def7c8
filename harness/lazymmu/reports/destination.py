# SPDX-License-Identifier: GPL-2.0-only
"""Where reports are written: standard output, a file that is complete or absent, a pipe or a device."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from msgspec import Struct

from lazymmu.support.errors import SetupError, UsageError

#: The schema number of every JSON document. It changes if a key changes its meaning; new keys do not change it.
SCHEMA = 1
#: The name of standard output.
STDOUT = "-"


def partial(path: Path) -> Path:
    """Return the name of a file while it is not complete; a killed process leaves it, and the next one replaces it."""
    return path.with_name(f".{path.name}.partial")


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """Yield a text file that replaces `path` at the end of the `with`; on an exception nothing is replaced.

    Text that UTF-8 cannot hold (half of a surrogate pair) is escaped.
    """
    incomplete = partial(path)
    try:
        with incomplete.open("w", encoding="utf-8", errors="backslashreplace") as file:
            yield file
        incomplete.rename(path)
    finally:
        incomplete.unlink(missing_ok=True)


class Target(Struct, frozen=True):
    """The place of one report: `-` for standard output, a file, or anything else that can be written."""

    flag: str
    name: str

    def check(self) -> None:
        """Raise UsageError if it cannot be written.

        A file of an earlier run is removed, so that nobody takes it for this run's.
        """
        path = Path(self.name)
        if self.name == STDOUT:
            return
        if not self.name or path.is_dir() or not path.absolute().parent.is_dir():
            raise UsageError(f"{self.flag} `{self.name}` is not a file in an existing folder")
        try:
            if self.is_regular():
                path.unlink(missing_ok=True)
                partial(path).touch()
                partial(path).unlink()
        except OSError as error:
            raise UsageError(f"{self.flag} `{self.name}` cannot be written: {error.strerror}") from error

    def is_regular(self) -> bool:
        """Return whether it is, or will be, a regular file and not a device, a pipe or a link."""
        path = Path(self.name)
        return self.name != STDOUT and not path.is_symlink() and (path.is_file() or not path.exists())

    @contextmanager
    def opened(self) -> Iterator[TextIO]:
        """Yield the file to write; a regular file is complete or absent afterwards. Raises SetupError if that fails."""
        try:
            if self.name == STDOUT:
                yield sys.stdout
                sys.stdout.flush()
            elif self.is_regular():
                with whole(Path(self.name)) as file:
                    yield file
            else:
                with Path(self.name).open("w", encoding="utf-8", errors="backslashreplace") as file:
                    yield file
        except OSError as error:
            raise SetupError(f"{self.flag} `{self.name}` could not be written: {error.strerror}") from error

    def write(self, text: str) -> None:
        """Write a text, as `opened` does."""
        with self.opened() as file:
            file.write(text)


def targets(names: Mapping[str, str | None]) -> dict[str, Target]:
    """Return flag -> target for the flags that were given. Raises UsageError if two of them name the same file."""
    given = {flag: Target(flag, name) for flag, name in names.items() if name is not None}
    flags: dict[str, str] = {}
    for flag, target in given.items():
        place = target.name if target.name == STDOUT else os.path.realpath(target.name)
        if Path(place).exists() and not Path(place).is_file():
            continue  # several reports may go to one device, such as /dev/null
        if flags.setdefault(place, flag) != flag:
            raise UsageError(f"{flags[place]} and {flag} both write to `{target.name}`")
    for target in given.values():
        target.check()
    return given


def json_text(document: Mapping[str, Any]) -> str:
    """Return the text of a JSON document for other programs, with its schema number (docs/command-line.md)."""
    return json.dumps({"schema": SCHEMA, **document}, indent=1) + "\n"


def write_json(goals: Mapping[str, Target], document: Mapping[str, Any]) -> None:
    """Write a JSON document to each target."""
    for goal in goals.values():
        goal.write(json_text(document))
