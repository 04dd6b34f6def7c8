# SPDX-License-Identifier: GPL-2.0-only
"""The host's part: Python, architecture, tools, and a way of running programs in the tool root."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lazymmu.doctor.cache_state import Question, Situation
from lazymmu.doctor.check import Check, State
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.subprocesses import PACKAGES, tethered
from lazymmu.provision.tool_root import host_architecture
from lazymmu.support.errors import LazymmuError

_PYTHON = (3, 11)
# Tool -> (Debian package, when a run calls it). mmdebstrap and apt verify what they fetch.
_FETCHES, _ALWAYS = "to fetch", "to start every program"
_TOOLS = {
    **{name: (PACKAGES.get(name, name), _FETCHES) for name in ("mmdebstrap", "apt-get", "apt-cache", "dpkg-deb")},
    "setpriv": ("util-linux", _ALWAYS),
}
# The launcher installs these by itself when it may.
_BY_LAUNCHER = ("mmdebstrap",)
# A program that does nothing takes milliseconds; a sandbox that hangs must not hang the doctor.
_PATIENCE = 20.0


def python() -> Iterator[Check]:
    """Yield whether this Python is new enough."""
    version = platform.python_version()
    if sys.version_info >= _PYTHON:
        yield Check("python", State.OK, f"{version} ({sys.executable})", facts={"version": version})
    else:
        yield Check(
            "python", State.BROKEN, f"{version}, 3.11 or newer is needed", "LAZYMMU_PYTHON names another", blocks=True
        )


def architecture() -> Iterator[Check]:
    """Yield whether a tool root can be had for this host."""
    machine = platform.machine()
    facts = {"machine": machine}
    try:
        yield Check("host", State.OK, f"{machine} (Debian's {host_architecture()})", facts=facts)
    except LazymmuError as error:
        yield Check("host", State.BROKEN, error.message, error.hint or "", blocks=True, facts=facts)


def _installed_by_launcher(name: str, question: Question) -> bool:
    return name in _BY_LAUNCHER and os.geteuid() == 0 and not question.offline and shutil.which("apt-get") is not None


def tools(question: Question, situation: Situation) -> Iterator[Check]:
    """Yield the tools of the host that fetch and build; one that is missing matters when there is something to do."""
    fetch = situation.must_fetch(question)
    for name, (package, use) in _TOOLS.items():
        path = shutil.which(name)
        if path:
            yield Check(name, State.OK, path)
            continue
        needed = fetch or use == _ALWAYS
        alone = _installed_by_launcher(name, question)
        yield Check(
            name,
            State.MISSING,
            f"needed {use}"
            + ("" if needed else "; the cache has all that a run uses now")
            + ("; ./lazymmu run installs it" if alone and needed else ""),
            f"apt-get install {package}   (as root)",
            blocks=needed and not alone,
        )


def _failure(sandbox: Sandbox) -> str | None:
    """Return why a program does not run in a sandbox, None when it does."""
    try:
        # Only reading: without its devices, chroot would make a file /dev/null.
        done = subprocess.run(
            tethered(sandbox.command(["/usr/bin/true"])),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.decode(errors="replace").split()) or f"status {done.returncode}"


def sandbox(situation: Situation) -> tuple[Sandbox | None, Check]:
    """Return the sandbox that a run would use, None when there is none, and the check that says why."""
    # Before there is a tool root the host's own root shows whether namespaces are allowed.
    root = situation.root if situation.root and situation.root_there else Path("/")
    chosen: Sandbox | None = None
    failures = {}
    for name in ("bwrap", "chroot"):
        if chosen is None:
            attempt = Sandbox(name=name, root=root)
            why = _failure(attempt)
            if why is None:
                chosen = attempt
            else:
                failures[name] = why
    reasons = "; ".join(f"{name} does not work: {why}" for name, why in failures.items())
    facts = {"sandbox": chosen.name if chosen else None, "failures": failures}
    if chosen is None:
        fix = (
            "apt-get install bubblewrap   (as root)"
            if shutil.which("bwrap") is None
            else "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
            "kernel.apparmor_restrict_unprivileged_userns=0), or run as root"
        )
        return None, Check("sandbox", State.MISSING, reasons, fix, blocks=True, facts=facts)
    rest = reasons or "chroot is not needed"
    return chosen, Check("sandbox", State.OK, f"{chosen.name} works; {rest}", facts=facts)
