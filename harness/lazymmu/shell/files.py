# SPDX-License-Identifier: GPL-2.0-only
"""The files of --push and --pull: checks before the guest starts, and the copies."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from msgspec import Struct

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.machine import GuestFile
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import LazymmuError, UsageError

#: The guest's folder for the user's files, in which a command starts.
HOME = PurePosixPath("/root")
# A guest must have room for twice as much. The agent connection limits what comes out.
_LARGEST = 32_000_000
_SECONDS = 120.0


class Pull(Struct, frozen=True):
    """A file of the guest, and where it goes."""

    path: PurePosixPath
    target: Path


def _check_names(flag: str, names: Sequence[str]) -> None:
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"{flag}: two files have the name `{twice[0]}`")


def pushes(paths: Sequence[str]) -> list[GuestFile]:
    """Return the files of --push. Raises UsageError."""
    files = []
    for text in paths:
        path = Path(text)
        if not path.name.isprintable() or path.name != path.name.strip():
            reason = "the name has control characters, or spaces around it"
            raise UsageError(f"--push {text!r}: {reason}", hint="rename the file")
        try:
            content, mode = path.read_bytes(), path.stat().st_mode & 0o777
        except OSError as error:
            raise UsageError(f"--push {text}: {error.strerror}") from error
        if len(content) > _LARGEST:
            raise UsageError(f"--push {text}: {len(content)} bytes, a guest takes {_LARGEST} at most")
        files.append(GuestFile(str(HOME / path.name), mode, content))
    _check_names("--push", [Path(text).name for text in paths])
    return files


def pulls(paths: Sequence[str], folder: Path) -> list[Pull]:
    """Return the files of --pull, which go into a folder of the host. Raises UsageError."""
    files = [Pull(HOME / text, folder / (HOME / text).name) for text in paths]
    for pull in files:
        if pull.target.exists() or pull.target.is_symlink():
            hint = "move it away, or pull into another folder"
            raise UsageError(f"--pull {pull.path}: `{pull.target.name}` exists", hint=hint)
    _check_names("--pull", [pull.target.name for pull in files])
    return files


def push(connection: AgentConnection, files: Sequence[GuestFile], scale: float) -> None:
    """Write the files in the guest. Raises GuestError."""
    for file in files:
        connection.send_file(file.path, file.content, file.mode)
        connection.await_file(file.path, Deadline.after(_SECONDS * scale))


def pull(connection: AgentConnection, files: Sequence[Pull], scale: float) -> None:
    """Copy the files out of the guest, each completely or not at all. None replaces a file that was made meanwhile.

    Raises GuestError, and LazymmuError if a file cannot be written.
    """
    for file in files:
        content = connection.read(str(file.path), Deadline.after(_SECONDS * scale))
        try:
            with file.target.open("xb") as new:
                try:
                    new.write(content)
                    new.flush()
                except OSError:
                    file.target.unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise LazymmuError(f"{file.target} could not be written: {error.strerror}") from error
