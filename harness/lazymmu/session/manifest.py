# SPDX-License-Identifier: GPL-2.0-only
"""The contents of `run.json`: the command, and the versions of everything that took part in the run.

`run --resume DIR` reads the arguments there, and checks that nothing else has changed since.
"""

import filecmp
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from lazymmu.architecture import machine_name
from lazymmu.provision.cache import digest_files
from lazymmu.provision.keys import digest
from lazymmu.provision.setup import Images
from lazymmu.reports.destination import STDOUT, Target
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.results_folder import Folder, unfinished
from lazymmu.subject.case import Scenario
from lazymmu.support.errors import UsageError
from lazymmu.support.project import AGENT_SOURCE, MODULE_SOURCE, PACKAGE, ROOT

#: Seconds to wait for git.
_GIT = 5.0

#: Arguments, beside those of reports, that do not select what is run: --resume has its own.
_NOT_KEPT = (
    *("command", "command_line", "out", "resume", "quiet", "verbose", "offline", "install", "jobs", "watch"),
    *("bisect", "max_failures", "max_time", "save_plan", "failed", "on"),
)
#: Flags that --resume allows, beside those of reports. Everything else comes from the run's own beginning.
_ALLOWED = ("--quiet", "--verbose", "--offline", "--install", "--jobs", "--bisect", "--max-failures", "--max-time")
_MODEL = PACKAGE / "subject"


def beginning(
    given: Namespace, arguments: Namespace, started: datetime, checkout: str | None, texts: Mapping[str, str]
) -> dict[str, Any]:
    """Return the contents before anything is set up; `checkout` is what `commit` returns; for `texts` see `sources`.

    `given` are the arguments of the command line, `arguments` those with what --failed-from or --plan adds.

    `finished` and `status` are null until the end.
    """
    host = os.uname()
    return {
        "command": ["lazymmu", *given.command_line],
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
            name: value for name, value in vars(given).items() if name not in _NOT_KEPT and name not in FORMATS
        },
        # Of a pipe or a device, --resume would have another one.
        "reports": {
            name: to
            for name, form in FORMATS.items()
            if (to := getattr(given, name)) is not None and Target(form.FLAG, to).is_regular()
        },
        "sources": sources(arguments, texts),
        **{name: getattr(arguments, name) for name in ("transport", "repeat", "shuffle", "known", "header", "patch")},
    }


def sources(arguments: Namespace, texts: Mapping[str, str]) -> dict[str, str]:
    """Return path -> digest of all sources that decide outcomes, except scenarios and kernels.

    `texts` are those that --patch made.
    """
    found = {str(path.relative_to(ROOT)): digest_files(path) for path in (MODULE_SOURCE, AGENT_SOURCE)}
    model = sorted(_MODEL.rglob("*.py"))
    found["model"] = digest(part for path in model for part in (str(path.relative_to(_MODEL)), path.read_bytes()))
    given = [path for path in (arguments.known, arguments.header) if path is not None]
    return {**found, **{path: digest([Path(path).read_bytes()]) for path in given}, **texts}


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
                "version": kernel.version,
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


@contextmanager
def unfinished_run(given: Namespace) -> Iterator[tuple[Folder, dict[str, Any], Namespace]]:
    """Hold the folder that --resume names for the length of a `with`, in the working folder of its run.

    Yields the folder, its run.json, and the arguments of that run, replaced by the flags that were given with --resume.
    Reports that were not given are written where that run was to write them. Raises UsageError for other flags, and for
    a folder of no unfinished run.
    """
    flags = [word.partition("=")[0] for word in given.command_line if word.startswith("--")]
    allowed = [*(entry.FLAG for entry in FORMATS.values()), *_ALLOWED]
    refused = [*given.scenarios, *(flag for flag in flags if flag not in ("--resume", *allowed))]
    if refused:
        raise UsageError(
            f"--resume runs what its run selected: `{refused[0]}` cannot be given with it",
            hint=f"these can: {', '.join(allowed)}",
        )
    with unfinished(given.resume) as (kept, facts):
        recorded, folder = facts.get("arguments"), facts.get("working_folder")
        if not isinstance(recorded, dict) or not isinstance(folder, str):
            raise UsageError(f"--resume `{given.resume}`: its run.json does not say what was selected: start a new run")
        if not Path(folder).is_dir():
            raise UsageError(f"--resume `{given.resume}`: the working folder of that run, {folder}, does not exist")
        # A report's name is relative to the folder of this command, not to that of the run.
        reports = {name: getattr(given, name) for name in FORMATS}
        files = {name: to for name, to in reports.items() if to not in (None, "", STDOUT)}
        reports |= {name: os.path.join(Path.cwd(), to) for name, to in files.items()}  # noqa: PTH118
        reports |= {name: to for name, to in facts.get("reports", {}).items() if reports.get(name, "") is None}
        with chdir(folder):
            yield kept, facts, Namespace(**{**vars(given), **reports, **recorded})


def check_sources(
    kept: Folder,
    facts: Mapping[str, Any],
    scenarios: Sequence[Scenario],
    arguments: Namespace,
    texts: Mapping[str, str],
) -> None:
    """Raise UsageError with what changed since the run began: the results would not be those of one run."""
    copies = facts.get("scenarios", {scenario.name: None for scenario in scenarios})
    names = {scenario.name for scenario in scenarios}
    changed = [f"scenario {name} (no longer selected)" for name in copies if name not in names]
    for scenario in scenarios:
        if scenario.name not in copies:
            changed.append(f"scenario {scenario.name} (not selected at first)")
        elif is_changed(kept.path, copies[scenario.name], scenario):
            changed.append(f"scenario {scenario.path}")
    changed += [f"the source {name}" for name in changed_sources(facts, arguments, texts)]
    _refuse(kept, changed)


def is_changed(folder: Path, copy: str | None, scenario: Scenario) -> bool:
    """Return whether a scenario differs from its copy in a results folder; False if none was kept."""
    return copy is not None and not (
        (folder / copy).is_file() and filecmp.cmp(folder / copy, scenario.path, shallow=False)
    )


def changed_sources(facts: Mapping[str, Any], arguments: Namespace, texts: Mapping[str, str]) -> list[str]:
    """Return the sources (see `sources`) that are not what they were when `facts` was written."""
    before, now = facts.get("sources", {}), sources(arguments, texts)
    return [name for name in now if before.get(name) != now[name]]


def check_images(kept: Folder, facts: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise UsageError with the versions of kernels and QEMU that changed since the run began."""
    kernels = facts.get("kernels", {})
    changed = [
        f"the kernel of {machine}: {kernels[machine]['release']} {kernels[machine]['version']} at first, "
        f"{kernel['release']} {kernel['version']} now"
        for machine, kernel in now["kernels"].items()
        if machine in kernels and kernels[machine] != kernel
    ]
    if "qemu" in facts and facts["qemu"] != now["qemu"]:
        changed.append(f"QEMU: {facts['qemu']} at first, {now['qemu']} now")
    _refuse(kept, changed)


def _refuse(kept: Folder, changed: Sequence[str]) -> None:
    if changed:
        lines = "".join(f"\n    {change}" for change in changed)
        message = f"--resume: since the run in {kept.path} began, this changed:{lines}"
        raise UsageError(message, hint="undo the changes, or start a new run")
