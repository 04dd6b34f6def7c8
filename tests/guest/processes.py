# SPDX-License-Identifier: GPL-2.0-only
"""Finds the processes of a harness, by ids and by a mark that only they carry, never by a name alone."""

import os
import time
from pathlib import Path


def _all() -> list[int]:
    # Not by a pattern that goes below /proc/ID: looking into the folder of a process that ends raises.
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]


def _parents() -> dict[int, int]:
    found = {}
    for pid in _all():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[pid] = int(fields[1])
    return found


def command(pid: int) -> list[str]:
    """Return a process's command line, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def qemus(ancestor: int) -> dict[str, int]:
    """Return QEMU program -> process id, of those below a process."""
    parents = _parents()
    found = {}
    for pid in parents:
        above = pid
        while above in parents and above != ancestor:
            above = parents[above]
        name = command(pid)[:1]
        if above == ancestor and name and name[0].startswith("qemu-system-"):
            found[name[0]] = pid
    return found


def wait_for_qemus(ancestor: int, count: int, seconds: float = 60.0) -> dict[str, int]:
    """Wait until so many QEMUs run below a process; return them."""
    end = time.monotonic() + seconds
    while len(found := qemus(ancestor)) < count:
        assert time.monotonic() < end, f"only {found} after {seconds} s"
    return found


def wait_for_text(path: Path, text: str, times: int = 1, seconds: float = 60.0) -> None:
    """Wait until a file that may still come to be has a text so many times."""
    end = time.monotonic() + seconds
    while times and not (path.exists() and path.read_text(errors="replace").count(text) >= times):
        assert time.monotonic() < end, f"{path} has not {times} times {text!r} after {seconds} s"


def gone(pids: list[int], seconds: float = 5.0) -> bool:
    """Wait until none of the processes runs any more; return whether that came."""
    end = time.monotonic() + seconds
    while any(command(pid) for pid in pids):
        if time.monotonic() > end:
            return False
    return True


def marked(mark: str) -> dict[int, str]:
    """Return process id -> command line of those with a text in command line, environment or mounts.

    A sandbox clears its environment, but the folder that it mounts as `/` is told by its mounts.
    """
    found = {}
    for pid in _all():
        for name in ("cmdline", "environ", "mountinfo"):
            try:
                there = mark.encode() in Path(f"/proc/{pid}/{name}").read_bytes()
            except OSError:  # it is gone
                break
            if there and pid != os.getpid():
                found[pid] = " ".join(command(pid))
                break
    return {pid: line for pid, line in found.items() if line}


def wait_until_none(mark: str, seconds: float = 3.0) -> dict[int, str]:
    """Wait until no process has the mark; return those that still do after so many seconds."""
    end = time.monotonic() + seconds
    while (left := marked(mark)) and time.monotonic() < end:
        pass
    return left


def wait_for_marked(mark: str, program: str, seconds: float = 60.0) -> int:
    """Wait until a process with the mark runs a program; return its id."""
    end = time.monotonic() + seconds
    while True:
        for pid, line in marked(mark).items():
            if Path(line.split(" ")[0]).name == program:
                return pid
        assert time.monotonic() < end, f"no {program} among {marked(mark)}"
