# SPDX-License-Identifier: GPL-2.0-only
"""A log file of what went over one channel of a guest, with the host's time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Self

from lazymmu.support import disk
from lazymmu.support.errors import LazymmuError

_HINT = "let --out DIR name another folder"


class ChannelLog:
    """Writes lines like `12:00:01.123456 < text`; nothing without a path. Only one thread may use it.

    A log that cannot be written, on a full disk for instance, must not cost a verdict. So its error goes into
    `failures`, and the log ends there.
    """

    def __init__(self, path: Path | None, failures: list[LazymmuError]) -> None:
        self._path = path
        self._failures = failures
        self._file: IO[bytes] | None = None
        self._unfinished = {"<": b"", ">": b""}

    def __enter__(self) -> Self:
        if self._path is not None:
            with self._guarded():
                self._file = self._path.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        for mark in [mark for mark, line in self._unfinished.items() if line]:
            self.add(mark, b"\n")
        if self._file is not None:
            with self._guarded():
                self._file.close()

    def add(self, mark: str, data: bytes) -> None:
        """Log what came from the guest (`<`) or went to it (`>`). A line is written when it is complete."""
        if self._file is None:
            return
        lines, newline, self._unfinished[mark] = (self._unfinished[mark] + data).rpartition(b"\n")
        if newline:
            head = f"{datetime.now():%H:%M:%S.%f} {mark} ".encode()
            with self._guarded():
                self._file.write(head + lines.replace(newline, newline + head) + newline)
                self._file.flush()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            assert self._path is not None  # noqa: S101  (nothing is written without one)
            full = disk.refusal(error, self._path.parent, hint=_HINT)
            other = LazymmuError(f"{self._path} could not be written: {error.strerror}", hint=_HINT)
            self._failures.append(full or other)
            self._file = None
