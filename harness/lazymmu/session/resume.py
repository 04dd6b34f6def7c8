# SPDX-License-Identifier: GPL-2.0-only
"""`run --resume DIR`: reads the arguments of an unfinished run, and checks that nothing else has changed since."""

import filecmp
import os
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from lazymmu.reports.destination import STDOUT
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.results_folder import Folder, unfinished
from lazymmu.session import manifest
from lazymmu.subject.case import Scenario
from lazymmu.support.errors import UsageError

#: Flags that --resume allows, beside those of reports. Everything else comes from the run's own beginning.
_ALLOWED = ("--quiet", "--verbose", "--offline", "--install", "--jobs", "--bisect")


@contextmanager
def unfinished_run(given: Namespace) -> Iterator[tuple[Folder, dict[str, Any], Namespace]]:
    """Hold the folder that --resume names for the length of a `with`, in the working folder of its run.

    Yields the folder, its run.json, and the arguments of that run, replaced by the flags that were given with --resume.
    Raises UsageError for other flags, and for a folder of no unfinished run.
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
        with chdir(folder):
            yield kept, facts, Namespace(**{**vars(given), **reports, **recorded})


def check(kept: Folder, facts: Mapping[str, Any], scenarios: Sequence[Scenario], arguments: Namespace) -> None:
    """Raise UsageError with what changed since the run began: the results would not be those of one run."""
    copies = facts.get("scenarios", {scenario.name: None for scenario in scenarios})
    names = {scenario.name for scenario in scenarios}
    changed = [f"scenario {name} (no longer selected)" for name in copies if name not in names]
    for scenario in scenarios:
        if scenario.name not in copies:
            changed.append(f"scenario {scenario.name} (not selected at first)")
        elif (copy := copies[scenario.name]) is not None:
            copy = kept.path / copy
            if not copy.is_file() or not filecmp.cmp(copy, scenario.path, shallow=False):
                changed.append(f"scenario {scenario.path}")
    before, now = facts.get("sources", {}), manifest.sources(arguments)
    changed += [f"the source {name}" for name in now if before.get(name) != now[name]]
    _refuse(kept, changed)


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
