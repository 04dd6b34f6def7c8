# SPDX-License-Identifier: GPL-2.0-only
"""Finds the running guests of one cache by their command lines, roots and parents in /proc."""

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from lazymmu.guests.boot import PORT_NAME

_PORT = f"virtserialport,chardev=channel,name={PORT_NAME}"
_QEMU = "qemu-system-"
# Seconds for a killed process to end.
_TIMEOUT = 5.0


class Emulator(Struct, frozen=True):
    """A QEMU that was started from a tool root of this cache."""

    pid: int
    #: The process that started it; None if orphaned.
    owner: int | None
    argv: tuple[str, ...]

    @property
    def program(self) -> str:
        """The name of the program."""
        return self.argv[0].rpartition("/")[2]


def emulators(root: Path) -> list[Emulator]:
    """Return the guests of this cache folder, by process id."""
    roots = f"{root.resolve() / 'roots'}/"
    found = []
    for pid in sorted(int(path.name) for path in Path("/proc").glob("[0-9]*")):
        argv = _argv(pid)
        if _PORT not in argv or _QEMU not in argv[0]:
            continue
        ours, process = False, pid
        # The programs between a harness and its QEMU have QEMU's arguments, too.
        while _PORT in _argv(process) and not _is_python(process):
            ours = ours or _is_below(process, roots)
            process = _parent(process)
        if ours:
            # The new parent of an orphan is process 1 or a service manager, neither of which is a Python. In a
            # container, process 1 may be the harness itself.
            found.append(Emulator(pid, process if _is_python(process) else None, argv))
    return found


def kill(emulator: Emulator) -> bool:
    """Kill a guest; return whether it has ended. Another process that now has its number is left alone."""
    with suppress(ProcessLookupError, PermissionError):
        process = os.pidfd_open(emulator.pid)
        try:
            if _argv(emulator.pid) == emulator.argv:
                signal.pidfd_send_signal(process, signal.SIGKILL)
                return bool(select.select([process], [], [], _TIMEOUT)[0])
        finally:
            os.close(process)
    return _argv(emulator.pid) != emulator.argv


def _argv(pid: int) -> tuple[str, ...]:
    """Return a process's command line; empty if it has ended, is a zombie, or is not readable."""
    with suppress(OSError):
        return tuple(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1])
    return ()


def _parent(pid: int) -> int:
    """Return the parent of a process; 0 if it has ended."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    return 0


def _is_below(pid: int, roots: str) -> bool:
    """Return whether a process names a path in the folder of tool roots, or has its root there."""
    paths = _argv(pid)
    with suppress(OSError):
        paths = (*paths, f"{Path(f'/proc/{pid}/root').readlink()}/")
    return any(roots in path for path in paths)


def _is_python(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/exe").readlink().name.startswith("python")
    return False
