# SPDX-License-Identifier: GPL-2.0-only
"""Facts about a process of the host, from /proc: its descendants, its state, and its time without a processor."""

import os
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_NANOSECONDS = 1e9


def _read(path: Path) -> str:
    """Return a file of /proc, empty if its process is gone or the kernel has no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _of_threads(pid: int, name: str) -> dict[str, str]:
    """Return thread -> the text of its file of this name; nothing if the process is gone."""
    try:
        # A pattern would raise if the folder went away while it was read.
        threads = [*(_PROC / str(pid) / "task").iterdir()]
    except OSError:
        return {}
    return {thread.name: _read(thread / name) for thread in threads}


def descendants(pid: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    yield pid
    for children in _of_threads(pid, "children").values():
        for child in children.split():
            yield from descendants(int(child))


def find_program(pid: int, program: str) -> int | None:
    """Return the process that runs a program, among a process and its descendants; None if there is none."""
    command_lines = ((each, _read(_PROC / str(each) / "cmdline")) for each in descendants(pid))
    return next((each for each, words in command_lines if words.partition("\0")[0] == program), None)


def is_stopped(pid: int) -> bool:
    """Return whether a process is stopped, by SIGSTOP or a debugger."""
    # man 5 proc: the letter of the state follows the program's name.
    return _read(_PROC / str(pid) / "stat").rpartition(")")[2].split()[:1] in (["T"], ["t"])


def seconds_without_processor(pid: int) -> dict[str, float]:
    """Return thread -> how long it was ready to run and had no processor, in seconds.

    If the host is a virtual machine, the time that its hypervisor took away counts, too.
    """
    # Linux: Documentation/scheduler/sched-stats.rst. Time on the processor and time waiting for one, in nanoseconds.
    values = {thread: text.split() for thread, text in _of_threads(pid, "schedstat").items()}
    # man 5 proc, "steal": what a hypervisor took away from all processors, in ticks.
    times = _read(_PROC / "stat").partition("\n")[0].split()
    ticks = int(times[8]) if len(times) > 8 else 0
    stolen = ticks / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)
    return {thread: int(value[1]) / _NANOSECONDS + stolen for thread, value in values.items() if len(value) > 1}
