# SPDX-License-Identifier: GPL-2.0-only
"""Checks of the host: Python, architecture, tools, and a sandbox for the programs of the tool root."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lazymmu.doctor.cache_state import CacheState
from lazymmu.doctor.check import Check, State
from lazymmu.provision.sandbox import HINT, Sandbox, first_working
from lazymmu.provision.subprocesses import PACKAGES, tethered
from lazymmu.provision.tool_root import host_architecture

# What every command needs; the other tools only fetch.
_START = "setpriv"
_TOOLS = ("mmdebstrap", "apt-get", "apt-cache", "dpkg-deb", _START)
# The launcher installs it by itself if it may.
_BY_LAUNCHER = "mmdebstrap"
# A program that hangs must not hang the doctor (seconds).
_TIMEOUT = 20.0


def host() -> Iterator[Check]:
    """Check Python, and that there is a tool root for this host. The launcher refuses a Python that is too old."""
    version, machine = platform.python_version(), platform.machine()
    yield Check("python", State.OK, f"{version} ({sys.executable})", facts={"version": version})
    yield Check("host", State.OK, f"{machine} (Debian's {host_architecture()})", facts={"machine": machine})


def tools(state: CacheState) -> Iterator[Check]:
    """Check the host's tools. A missing one blocks only a run that uses it."""
    for name in _TOOLS:
        if path := shutil.which(name):
            yield Check(name, State.OK, path)
            continue
        needed = name == _START or state.must_fetch
        automatic = name == _BY_LAUNCHER and os.geteuid() == 0 and not state.offline and bool(shutil.which("apt-get"))
        found = "needed to start every program" if name == _START else "needed to fetch"
        if not needed:
            found += "; the cache has everything that a run uses"
        elif automatic:
            found += "; ./lazymmu run installs it"
        install = f"apt-get install {PACKAGES[name]}   (as root)"
        yield Check(name, State.MISSING, found, install, blocks=needed and not automatic)


def run(sandbox: Sandbox, *argv: str) -> tuple[str, str | None]:
    """Run a program in a sandbox, which it may only read. Return its output, and why it failed: None if it worked."""
    # In a chroot without devices, a writer would create a file /dev/null.
    command = tethered(sandbox.command(argv))
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_TIMEOUT, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    if done.returncode == 0:
        return done.stdout, None
    return done.stdout, " ".join(done.stderr.split()) or f"status {done.returncode}"


def sandbox(state: CacheState) -> tuple[Sandbox | None, Check]:
    """Return the sandbox that a run would use, None if there is none, and the check."""
    # Without a tool root, the host's own root shows whether namespaces are allowed.
    root = state.root if state.root and state.root_present else Path("/")
    sandbox, failures = first_working(root, lambda candidate: run(candidate, "/usr/bin/true")[1])
    reasons = "; ".join(f"{name} does not work: {failure}" for name, failure in failures.items())
    facts = {"sandbox": sandbox.name if sandbox else None, "failures": failures}
    if sandbox:
        found = f"{sandbox.name} works; {reasons or 'chroot is not needed'}"
        return sandbox, Check("sandbox", State.OK, found, facts=facts)
    advice = HINT if shutil.which("bwrap") else "apt-get install bubblewrap   (as root)"
    return None, Check("sandbox", State.MISSING, reasons, advice, blocks=True, facts=facts)
