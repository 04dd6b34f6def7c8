# SPDX-License-Identifier: GPL-2.0-only
"""Finds the guests of one cache that run now, by what /proc says of command lines, roots and parents."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from lazymmu.guests.boot import PORT_NAME

_PORT = f"virtserialport,chardev=channel,name={PORT_NAME}"
_QEMU = "qemu-system-"
# What stands between a harness and its QEMU (provision/subprocesses.py, `tethered`, and provision/sandbox.py).
_WRAPPERS = ("bwrap", "unshare", "setpriv", "chroot", "env", "sh")
_LAST_WORDS = 5.0


class Emulator(Struct, frozen=True):
    """A QEMU that was started from a tool root of this cache."""

    pid: int
    program: str
    #: The process that started it; None when that is gone, and nobody will ever end it.
    owner: int | None
    argv: tuple[str, ...]


def _argv(pid: int) -> tuple[str, ...]:
    """Return a process's command line, empty when it is gone, a zombie, or none of ours to read."""
    try:
        return tuple(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1])
    except OSError:
        return ()


def _parent(pid: int) -> int:
    try:
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
        )
    except (OSError, ValueError, IndexError):
        return 0


def _program(argv: tuple[str, ...]) -> str:
    return argv[0].rpartition("/")[2] if argv else ""


def _below(pid: int, argv: tuple[str, ...], roots: str) -> bool:
    """Return whether a process has its root, or names a path, below the folder of tool roots."""
    if any(roots in argument for argument in argv):
        return True
    try:
        return f"{Path(f'/proc/{pid}/root').readlink()}/".startswith(roots)
    except OSError:
        return False


def _alive_python(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.startswith("python")
    except OSError:
        return False


def emulators(root: Path) -> list[Emulator]:
    """Return the guests of this cache folder, by process id."""
    roots = f"{root.resolve() / 'roots'}/"
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        pid = int(path.name)
        argv = _argv(pid)
        if not _program(argv).startswith(_QEMU) or _PORT not in argv:
            continue
        ours = _below(pid, argv, roots)
        above = _parent(pid)
        while _PORT in (outer := _argv(above)) and _program(outer) in _WRAPPERS:
            ours = ours or _below(above, outer, roots)
            above = _parent(above)
        if ours:
            # An orphan is handed to process 1 or to a manager of services, neither of which is a Python; where process
            # 1 is one (the entry point of a container), it may be the harness itself.
            owner = above if _alive_python(above) else None
            found.append(Emulator(pid, _program(argv), owner, argv))
    return sorted(found, key=lambda emulator: emulator.pid)


def end(emulator: Emulator) -> bool:
    """Kill a guest whose owner is gone; return whether it is gone then. Another process of its number is left alone."""
    with suppress(ProcessLookupError, PermissionError):
        process = os.pidfd_open(emulator.pid)
        try:
            if _argv(emulator.pid) == emulator.argv:
                signal.pidfd_send_signal(process, signal.SIGKILL)
                return bool(select.select([process], [], [], _LAST_WORDS)[0])
        finally:
            os.close(process)
    return _argv(emulator.pid) != emulator.argv
