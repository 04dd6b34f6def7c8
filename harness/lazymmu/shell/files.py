# SPDX-License-Identifier: GPL-2.0-only
"""Files that a user sends into a guest and takes out of it; their CRC-32 is checked at the other end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from msgspec import Struct

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import LazymmuError, UsageError

#: Where a file lands in the guest, and where a command begins.
HOME = PurePosixPath("/root")
# Twice of it must fit into the memory of a guest; what comes out, the line bounds.
_LARGEST = 32_000_000
_SECONDS = 120.0


class Push(Struct, frozen=True):
    """A file for the guest."""

    path: PurePosixPath
    mode: int
    content: bytes


class Pull(Struct, frozen=True):
    """A file of the guest, and where it goes."""

    path: PurePosixPath
    target: Path


def _each_once(flag: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{flag}: two files would land as `{name}`")


def pushes(paths: Sequence[str]) -> list[Push]:
    """Return the files of --push. Raises UsageError."""
    found = []
    for text in paths:
        path = Path(text)
        if not path.name.isprintable() or path.name != path.name.strip():
            raise UsageError(f"--push {text!r}: a guest does not get a name like this", hint="rename it")
        try:
            content = path.read_bytes()
            mode = path.stat().st_mode & 0o777
        except OSError as error:
            raise UsageError(f"--push {text}: {error.strerror}") from error
        if len(content) > _LARGEST:
            raise UsageError(f"--push {text}: {len(content)} bytes, a guest takes {_LARGEST} at most")
        found.append(Push(HOME / path.name, mode, content))
    _each_once("--push", [push.path.name for push in found])
    return found


def pulls(paths: Sequence[str], folder: Path) -> list[Pull]:
    """Return the files of --pull, which land in a folder of the host. Raises UsageError."""
    found = []
    for text in paths:
        path = HOME / text
        target = folder / path.name
        if target.exists() or target.is_symlink():
            raise UsageError(f"--pull {text}: `{target.name}` is here already", hint="move it away, or pull elsewhere")
        found.append(Pull(path, target))
    _each_once("--pull", [pull.target.name for pull in found])
    return found


def push(line: AgentConnection, files: Sequence[Push], scale: float) -> None:
    """Write the files in the guest. Raises GuestError."""
    for file in files:
        line.write(str(file.path), file.content, file.mode, Deadline.after(_SECONDS * scale))


def pull(line: AgentConnection, files: Sequence[Pull], scale: float) -> None:
    """Take the files out of the guest; none replaces one that came to be meanwhile.

    Raises GuestError, and LazymmuError for what cannot be written.
    """
    for file in files:
        content = line.read(str(file.path), Deadline.after(_SECONDS * scale))
        try:
            _write_new(file.target, content)
        except OSError as error:
            raise LazymmuError(f"{file.target} could not be written: {error.strerror}") from error


def _write_new(target: Path, content: bytes) -> None:
    """Write a file that is not there, whole or not at all."""
    with target.open("xb") as new:
        try:
            new.write(content)
            new.flush()
        except OSError:
            with suppress(OSError):
                target.unlink()
            raise
