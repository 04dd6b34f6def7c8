# SPDX-License-Identifier: GPL-2.0-only
"""Checks of the host: Python, architecture, tools, and a sandbox for the programs of the tool root."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from lazymmu.doctor.cache_state import CacheState
from lazymmu.doctor.check import Check, State
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.subprocesses import PACKAGES, tethered
from lazymmu.provision.tool_root import host_architecture

_PYTHON = (3, 11)
# Tool -> Debian package.
_FETCH = {name: PACKAGES.get(name, name) for name in ("mmdebstrap", "apt-get", "apt-cache", "dpkg-deb")}
_START = {"setpriv": "util-linux"}
# The launcher installs it by itself if it may.
_BY_LAUNCHER = "mmdebstrap"
# A sandbox that hangs must not hang the doctor (seconds).
_TIMEOUT = 20.0


def python() -> Iterator[Check]:
    """Check that this Python is new enough."""
    version = platform.python_version()
    if sys.version_info >= _PYTHON:
        yield Check("python", State.OK, f"{version} ({sys.executable})", facts={"version": version})
    else:
        found = f"{version}, 3.11 or newer is needed"
        yield Check("python", State.BROKEN, found, "set LAZYMMU_PYTHON to a newer one", blocks=True)


def architecture() -> Iterator[Check]:
    """Check that there is a tool root for this host."""
    machine = platform.machine()
    yield Check("host", State.OK, f"{machine} (Debian's {host_architecture()})", facts={"machine": machine})


def tools(state: CacheState) -> Iterator[Check]:
    """Check the host's tools. A missing one blocks only a run that uses it."""
    for name, package in (_FETCH | _START).items():
        path = shutil.which(name)
        if path:
            yield Check(name, State.OK, path)
            continue
        use = "to fetch" if name in _FETCH else "to start every program"
        needed = name in _START or state.must_fetch
        automatic = name == _BY_LAUNCHER and os.geteuid() == 0 and not state.offline and bool(shutil.which("apt-get"))
        if not needed:
            found = f"needed {use}; the cache has everything that a run uses"
        else:
            found = f"needed {use}" + ("; ./lazymmu run installs it" if automatic else "")
        install = f"apt-get install {package}   (as root)"
        yield Check(name, State.MISSING, found, install, blocks=needed and not automatic)


def _failure(sandbox: Sandbox) -> str | None:
    """Return why a program does not run in a sandbox, None if it does."""
    try:
        # Read-only: in a chroot without devices, a writer would create a file /dev/null.
        done = subprocess.run(
            tethered(sandbox.command(["/usr/bin/true"])),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.decode(errors="replace").split()) or f"status {done.returncode}"


def sandbox(state: CacheState) -> tuple[Sandbox | None, Check]:
    """Return the sandbox that a run would use, None if there is none, and the check."""
    # Without a tool root, the host's own root shows whether namespaces are allowed.
    root = state.root if state.root and state.root_present else Path("/")
    failures: dict[str, str] = {}
    for name in ("bwrap", "chroot"):
        sandbox = Sandbox(name=name, root=root)
        failure = _failure(sandbox)
        if failure is None:
            found = f"{name} works; {_reasons(failures) or 'chroot is not needed'}"
            return sandbox, Check("sandbox", State.OK, found, facts={"sandbox": name, "failures": failures})
        failures[name] = failure
    if shutil.which("bwrap") is None:
        advice = "apt-get install bubblewrap   (as root)"
    else:
        advice = (
            "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
            "kernel.apparmor_restrict_unprivileged_userns=0), or run as root"
        )
    facts = {"sandbox": None, "failures": failures}
    return None, Check("sandbox", State.MISSING, _reasons(failures), advice, blocks=True, facts=facts)


def _reasons(failures: dict[str, str]) -> str:
    return "; ".join(f"{name} does not work: {failure}" for name, failure in failures.items())
