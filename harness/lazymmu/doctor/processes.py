# SPDX-License-Identifier: GPL-2.0-only
"""Finds the running guests of one cache by their command lines and roots in /proc."""

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from lazymmu.guests.boot import PORT_NAME
from lazymmu.guests.host_process import command_line, state_and_parent

_PORT = f"virtserialport,chardev=channel,name={PORT_NAME}"
_QEMU = "qemu-system-"
# Seconds for a killed process to end.
_TIMEOUT = 5.0


class Emulator(Struct, frozen=True):
    """A QEMU that was started from a tool root of this cache."""

    pid: int
    argv: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name of the program."""
        return self.argv[0].rpartition("/")[2]


def emulators(root: Path) -> list[Emulator]:
    """Return the guests of this cache folder, by process id."""
    roots = f"{root.resolve() / 'roots'}/"
    running = ((pid, command_line(pid)) for pid in sorted(int(path.name) for path in Path("/proc").glob("[0-9]*")))
    return [
        Emulator(pid, argv) for pid, argv in running if _PORT in argv and _QEMU in argv[0] and _is_started(pid, roots)
    ]


def _is_started(pid: int, roots: str) -> bool:
    """Return whether a QEMU, or a program between its harness and it, is of a tool root."""
    # Those programs have QEMU's arguments, too.
    while _PORT in command_line(pid):
        if _is_below(pid, roots):
            return True
        _, pid = state_and_parent(pid)
    return False


def kill(emulator: Emulator) -> bool:
    """Kill a guest; return whether it has ended. Another process that now has its number is left alone."""
    with suppress(ProcessLookupError, PermissionError):
        process = os.pidfd_open(emulator.pid)
        try:
            if command_line(emulator.pid) == emulator.argv:
                signal.pidfd_send_signal(process, signal.SIGKILL)
                return bool(select.select([process], [], [], _TIMEOUT)[0])
        finally:
            os.close(process)
    return command_line(emulator.pid) != emulator.argv


def _is_below(pid: int, roots: str) -> bool:
    """Return whether a process names a path in the folder of tool roots, or has its root there."""
    paths = command_line(pid)
    with suppress(OSError):
        paths = (*paths, f"{Path(f'/proc/{pid}/root').readlink()}/")
    return any(roots in path for path in paths)
