# SPDX-License-Identifier: GPL-2.0-only
"""Finds the QEMU processes below a harness, by ids and never by looking for a name everywhere."""

from __future__ import annotations

import time
from pathlib import Path


def _parents() -> dict[int, int]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(path.parent.name)] = int(fields[1])
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


def gone(pids: list[int], seconds: float = 5.0) -> bool:
    """Wait until none of the processes runs any more; return whether that came."""
    end = time.monotonic() + seconds
    while any(command(pid) for pid in pids):
        if time.monotonic() > end:
            return False
    return True
