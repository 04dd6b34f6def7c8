# SPDX-License-Identifier: GPL-2.0-only
"""A file that keeps what went over one line of a guest, each piece with the host's time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Self

from lazymmu.support import disk
from lazymmu.support.errors import LazymmuError

_HINT = "let --out DIR name another folder"


class ChannelLog:
    """Writes lines as `12:00:01.123456 < text`; without a path it keeps nothing.

    `failure` is the error that ended the writing (a full disk, say), which names the file or its folder: a log must
    not cost a guest its verdict.
    """

    def __init__(self, path: Path | None) -> None:
        self.failure: LazymmuError | None = None
        self._path = path
        self._file: IO[bytes] | None = None
        self._begun = {"<": b"", ">": b""}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._path is not None:
            with self._guarded():
                self._file = self._path.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        for mark in [mark for mark, rest in self._begun.items() if rest]:
            self.add(mark, b"\n")
        if self._file is not None:
            with self._guarded():
                self._file.close()

    def add(self, mark: str, data: bytes) -> None:
        """Keep what came (`<`) from the guest or went (`>`) to it; a line is written when its end has come."""
        if self._file is None:
            return
        with self._lock:
            *lines, self._begun[mark] = (self._begun[mark] + data).split(b"\n")
            if lines:
                head = f"{datetime.now():%H:%M:%S.%f} {mark} ".encode()
                with self._guarded():
                    self._file.write(b"".join(b"%b%b\n" % (head, line) for line in lines))
                    self._file.flush()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = self.failure or self._explained(error)
            self._file = None

    def _explained(self, error: OSError) -> LazymmuError:
        """Return the error that names what could not be written, and what to do."""
        assert self._path is not None  # noqa: S101  (nothing is written without one)
        told = disk.refusal(error, self._path.parent, hint=_HINT)
        return told or LazymmuError(f"{self._path} could not be written: {error.strerror}", hint=_HINT)
