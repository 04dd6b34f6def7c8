# SPDX-License-Identifier: GPL-2.0-only
"""What the host's kernel knows of a process: those below it, its state, and how long it waited for a processor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_NANOSECONDS = 1e9


def _read(path: Path) -> str:
    """Return a file of /proc, empty when its process is gone or the kernel does not have it."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on."""
    return _read(_PROC / str(pid) / "stat").rpartition(")")[2].split()


def _of_threads(pid: int, name: str) -> dict[str, str]:
    """Return thread -> the text of its file of that name; nothing when the process is gone."""
    try:
        # Not by a pattern: it looks into a folder that may go while it looks, and raises.
        threads = [*(_PROC / str(pid) / "task").iterdir()]
    except OSError:
        return {}
    return {thread.name: _read(thread / name) for thread in threads}


def below(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    for children in _of_threads(pid, "children").values():
        for child in children.split():
            yield from below(int(child))


def find(pid: int, program: str) -> int | None:
    """Return the process that runs a program, a process itself or one below it; None when there is none."""
    names = ((each, _read(_PROC / str(each) / "cmdline").split("\0")[0]) for each in below(pid))
    return next((each for each, name in names if name == program), None)


def is_stopped(pid: int) -> bool:
    """Return whether the process is stopped (SIGSTOP, or a debugger that holds it)."""
    return _fields(pid)[:1] in (["T"], ["t"])


def waited_seconds(pid: int) -> dict[str, float]:
    """Return thread -> how long it was ready to run and got no processor, in seconds.

    What the host, if it is a virtual machine itself, lost to others counts as waiting.
    """
    # Linux: Documentation/scheduler/sched-stats.rst; time on the processor and time waiting for one, in nanoseconds.
    values = {thread: text.split() for thread, text in _of_threads(pid, "schedstat").items()}
    stolen = _stolen_seconds()
    return {thread: int(value[1]) / _NANOSECONDS + stolen for thread, value in values.items() if len(value) > 1}


def _stolen_seconds() -> float:
    """Return how long a hypervisor took each processor of this host away, in seconds (man 5 proc, "steal")."""
    times = _read(_PROC / "stat").partition("\n")[0].split()
    ticks = int(times[8]) if len(times) > 8 else 0
    return ticks / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)
