# SPDX-License-Identifier: GPL-2.0-only
"""Checks of the host: Python, architecture, tools, and a sandbox for the programs of the tool roots."""

import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from lazymmu.doctor.check import Check, State
from lazymmu.provision.lock import host_architecture
from lazymmu.provision.sandbox import HINT, Sandbox, first_working, run
from lazymmu.provision.subprocesses import install_hint


def _install() -> str:
    """Return the one command that installs everything that is missing."""
    return install_hint(*(name for name in ("setpriv", "bwrap") if not shutil.which(name)))


def host() -> Iterator[Check]:
    """Check Python, its host and its tools. The launcher refuses a Python that is too old."""
    version, machine = platform.python_version(), platform.machine()
    facts = {"version": version}
    yield Check("python", State.OK, f"{version} ({sys.executable})", facts=facts, short=f"Python {version}")
    start, apt = shutil.which("setpriv"), shutil.which("apt-get")
    if start:
        yield Check("setpriv", State.OK, start)
    else:
        yield Check("setpriv", State.MISSING, "needed to start every program", _install(), blocks=True)
    without = "not needed: lazymmu fetches its own to look for newer versions"
    yield Check("apt-get", State.OK if apt else State.NOTE, apt or without)
    found = f"{machine} (Debian's {host_architecture()})"
    yield Check("host", State.OK, found, facts={"machine": machine}, short=machine)


def sandbox(root: Path) -> tuple[Sandbox | None, Check]:
    """Return the sandbox that a run would use in a tool root, None if there is none, and the check."""
    sandbox, failures = first_working(root, lambda candidate: run(candidate, "/usr/bin/true")[1])
    reasons = [f"{name} does not work: {failure}" for name, failure in failures.items()]
    facts = {"sandbox": sandbox.name if sandbox else None, "failures": failures}
    if sandbox:
        short = f"{sandbox.name} works"
        return sandbox, Check("sandbox", State.OK, "; ".join([short, *reasons]), facts=facts, short=short)
    advice = HINT if shutil.which("bwrap") else _install()
    return None, Check("sandbox", State.MISSING, "; ".join(reasons), advice, blocks=True, facts=facts)
