# SPDX-License-Identifier: GPL-2.0-only
"""Where a report goes that a flag names: standard output, a file that is whole or not there, a pipe or a device."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from msgspec import Struct

from lazymmu.support.errors import SetupError, UsageError

#: Standard output.
STDOUT = "-"
#: The flags of a run that name where a report goes, without their dashes.
REPORTS = ("json", "junit", "ktap", "html")

_PARTIAL = re.compile(r"\.(?P<name>.+)\.(?P<pid>[0-9]{1,10})\.partial")


def partial_of(path: Path) -> str | None:
    """Return the name of the file that was to become whole by this one, None when it is no such file."""
    found = _PARTIAL.fullmatch(path.name)
    return found["name"] if found else None


def remove_partials(path: Path) -> None:
    """Remove what killed processes left when they wrote this file; what a live one is writing is left to it."""
    # A folder that cannot be listed keeps them, and nobody takes them for the report.
    with suppress(OSError):
        for left in path.absolute().parent.iterdir():
            found = _PARTIAL.fullmatch(left.name)
            if found and found["name"] == path.name and not _alive(int(found["pid"])):
                left.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    """Return whether another process has this number."""
    return pid != os.getpid() and Path(f"/proc/{pid}").exists()


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """Yield where to write a file: at the end of the `with` it is there whole or not at all, instead of an earlier one.

    Text that UTF-8 cannot hold (half of a surrogate pair) is written as an escape.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
            yield file
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, text: str | Iterable[str]) -> None:
    """Write a text, or the pieces of one, to a file as `whole` does."""
    with whole(path) as file:
        _write(file, text)


def _write(file: TextIO, text: str | Iterable[str]) -> None:
    # A text is one piece, and not as many as it has characters.
    file.writelines([text] if isinstance(text, str) else text)


class Target(Struct, frozen=True):
    """Where a report goes: `-` for standard output, a file, or anything else that can be written."""

    flag: str
    name: str

    @classmethod
    def checked(cls, flag: str, name: str) -> Target:
        """Return the target; UsageError when nothing can be written there.

        A file of an earlier run is removed, so that it cannot be taken for this one's, and so is what a killed one
        left of it.
        """
        target = cls(flag, name)
        if name == STDOUT:
            return target
        path = Path(name)
        if not name or path.is_dir() or not path.absolute().parent.is_dir():
            raise UsageError(f"{flag} `{name}` is not a file in a folder that exists")
        try:
            if target.regular():
                remove_partials(path)
                path.unlink(missing_ok=True)
                path.touch()
                path.unlink()
        except OSError as error:
            raise UsageError(f"{flag} `{name}` cannot be written: {error.strerror}") from error
        return target

    def regular(self) -> bool:
        """Return whether it is, or will be, a file of its own: not a device, a pipe or a link."""
        path = Path(self.name)
        return self.name != STDOUT and not path.is_symlink() and (path.is_file() or not path.exists())

    def write(self, text: str | Iterable[str]) -> None:
        """Write a report, or the pieces of one, to a file whole or not at all; SetupError when that cannot be done."""
        try:
            self._write(text)
        except OSError as error:
            raise SetupError(f"{self.flag} `{self.name}` could not be written: {error.strerror}") from error

    def _write(self, text: str | Iterable[str]) -> None:
        path = Path(self.name)
        if self.name == STDOUT:
            _write(sys.stdout, text)
            sys.stdout.flush()
        elif not self.regular():
            with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
                _write(file, text)
        else:
            write_whole(path, text)


def targets(names: Mapping[str, str | None]) -> dict[str, Target]:
    """Return flag -> target, for the flags that were given; UsageError when two of them mean the same place."""
    given = {flag: name for flag, name in names.items() if name is not None}
    taken: dict[str, str] = {}
    for flag, name in given.items():
        place = name if name == STDOUT else os.path.realpath(name)
        if Path(place).exists() and not Path(place).is_file():
            continue  # several may go to one device, as /dev/null
        if place in taken:
            raise UsageError(f"{taken[place]} and {flag} both go to `{name}`")
        taken[place] = flag
    return {flag: Target.checked(flag, name) for flag, name in given.items()}
