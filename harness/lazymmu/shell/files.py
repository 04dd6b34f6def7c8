# SPDX-License-Identifier: GPL-2.0-only
"""The files of --push and --pull: checks before the guest starts, and the copies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from msgspec import Struct

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import LazymmuError, UsageError

#: The guest's folder for the user's files, in which a command starts.
HOME = PurePosixPath("/root")
# A guest must have room for twice as much. The agent connection limits what comes out.
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


def _check_unique(flag: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{flag}: two files have the name `{name}`")


def pushes(paths: Sequence[str]) -> list[Push]:
    """Return the files of --push. Raises UsageError."""
    files = []
    for text in paths:
        path = Path(text)
        if not path.name.isprintable() or path.name != path.name.strip():
            hint = "rename the file"
            raise UsageError(f"--push {text!r}: the name has control characters, or spaces around it", hint=hint)
        try:
            content = path.read_bytes()
            mode = path.stat().st_mode & 0o777
        except OSError as error:
            raise UsageError(f"--push {text}: {error.strerror}") from error
        if len(content) > _LARGEST:
            raise UsageError(f"--push {text}: {len(content)} bytes, a guest takes {_LARGEST} at most")
        files.append(Push(HOME / path.name, mode, content))
    _check_unique("--push", [push.path.name for push in files])
    return files


def pulls(paths: Sequence[str], folder: Path) -> list[Pull]:
    """Return the files of --pull, which go into a folder of the host. Raises UsageError."""
    files = []
    for text in paths:
        path = HOME / text
        target = folder / path.name
        if target.exists() or target.is_symlink():
            raise UsageError(f"--pull {text}: `{target.name}` exists", hint="move it away, or pull into another folder")
        files.append(Pull(path, target))
    _check_unique("--pull", [pull.target.name for pull in files])
    return files


def push(connection: AgentConnection, files: Sequence[Push], scale: float) -> None:
    """Write the files in the guest. Raises GuestError."""
    for file in files:
        connection.write(str(file.path), file.content, file.mode, Deadline.after(_SECONDS * scale))


def pull(connection: AgentConnection, files: Sequence[Pull], scale: float) -> None:
    """Copy the files out of the guest. None replaces a file that was made meanwhile.

    Raises GuestError, and LazymmuError if a file cannot be written.
    """
    for file in files:
        content = connection.read(str(file.path), Deadline.after(_SECONDS * scale))
        try:
            _write_new(file.target, content)
        except OSError as error:
            raise LazymmuError(f"{file.target} could not be written: {error.strerror}") from error


def _write_new(target: Path, content: bytes) -> None:
    """Write a new file completely, or not at all."""
    with target.open("xb") as new:
        try:
            new.write(content)
            new.flush()
        except OSError:
            with suppress(OSError):
                target.unlink()
            raise
