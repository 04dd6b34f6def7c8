# SPDX-License-Identifier: GPL-2.0-only
"""The contents of `run.json`: the command, and the versions of everything that took part in the run."""

import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from lazymmu.provision.cache import digest_files
from lazymmu.provision.keys import digest
from lazymmu.provision.setup import Images
from lazymmu.reports.formats import FORMATS
from lazymmu.support.machine_names import machine_name
from lazymmu.support.project import AGENT_SOURCE, MODULE_SOURCE, PACKAGE, ROOT

#: Seconds to wait for git.
_GIT = 5.0

#: Arguments, beside those of reports, that do not select what is run: --resume has its own.
_NOT_KEPT = (
    *("command", "command_line", "out", "resume", "quiet", "verbose", "offline", "install", "jobs", "watch"),
    "bisect",
)
_MODEL = PACKAGE / "subject"


def beginning(arguments: Namespace, started: datetime, checkout: str | None) -> dict[str, Any]:
    """Return the contents before anything is set up; `checkout` is what `commit` returns.

    `finished` and `status` are null until the end.
    """
    host = os.uname()
    return {
        "command": ["lazymmu", *arguments.command_line],
        "working_folder": str(Path.cwd()),
        "started": started.isoformat(timespec="milliseconds"),
        "finished": None,
        "status": None,
        "commit": checkout,
        "python": sys.version.split()[0],
        "host": {
            "name": host.nodename,
            "system": f"{host.sysname} {host.release} {host.version}",
            "machine": host.machine,
            "cpus": os.cpu_count(),
        },
        "arguments": {
            name: value for name, value in vars(arguments).items() if name not in _NOT_KEPT and name not in FORMATS
        },
        "sources": sources(arguments),
        **{name: getattr(arguments, name) for name in ("transport", "repeat", "shuffle", "known", "header")},
    }


def sources(arguments: Namespace) -> dict[str, str]:
    """Return path -> digest of all sources that decide outcomes, except scenarios and kernels."""
    found = {str(path.relative_to(ROOT)): digest_files(path) for path in (MODULE_SOURCE, AGENT_SOURCE)}
    model = sorted(_MODEL.rglob("*.py"))
    found["model"] = digest(part for path in model for part in (str(path.relative_to(_MODEL)), path.read_bytes()))
    given = [path for path in (arguments.known, arguments.header) if path is not None]
    return {**found, **{path: digest([Path(path).read_bytes()]) for path in given}}


def images(prepared: Sequence[Images]) -> dict[str, Any]:
    """Return the versions of what guests are made of; those of kernels by machine."""
    first, sandbox = next(iter(prepared[0].sandboxes.items()))
    return {
        "sandbox": sandbox.name,
        "qemu": prepared[0].qemu.get(first),
        "kernels": {
            machine_name(arch, kernel.name): {
                "name": kernel.name,
                "release": kernel.release.release,
                "version": kernel.release.version,
            }
            for some in prepared
            for arch, kernel in some.kernels.items()
        },
    }


def end(status: int, finished: datetime, accelerators: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Return the contents that are added at the end."""
    return {
        "finished": finished.isoformat(timespec="milliseconds"),
        "status": status,
        "accelerators": {machine: {"name": name, "reason": why} for machine, (name, why) in accelerators.items()},
    }


def commit(root: Path = ROOT) -> str | None:
    """Return the commit of a checkout, with `-dirty` if files were changed; None if there is none."""
    if not (root / ".git").exists():
        return None  # git would find the commit of a folder above
    # Without optional locks, git does not write into the checkout. It dies with this process, even on a slow disk.
    command = ["setpriv", "--pdeathsig", "KILL", "--", "git", "--no-optional-locks"]
    command += ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=_GIT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
