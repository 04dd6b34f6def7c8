# SPDX-License-Identifier: GPL-2.0-only
"""What a CI system shows of a run beside its log: sections, annotations, a summary. Each file is one system."""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from lazymmu.reports.plain import counted
from lazymmu.results.failure_groups import FailureGroup
from lazymmu.results.result import FAILED, Outcome
from lazymmu.results.run_summary import RunSummary
from lazymmu.support.errors import Place

#: The variable that is `true` in the jobs of a system -> its file.
_SYSTEMS = {"GITHUB_ACTIONS": "github", "GITLAB_CI": "gitlab"}


class System(Protocol):
    """What a file of this folder defines."""

    @staticmethod
    def section(name: str, title: str) -> tuple[str, str]:
        """Return the lines before and after a part of the log that can be folded."""

    @staticmethod
    def annotations(run: RunSummary) -> Iterator[str]:
        """Yield lines for the end of the log that the system shows elsewhere."""

    @staticmethod
    def write_summary(run: RunSummary) -> None:
        """Write what the system shows as the summary of the job. Raises OSError."""


def system() -> System | None:
    """Return the CI system in which this process runs; None outside of those that this folder has."""
    for variable, name in _SYSTEMS.items():
        if os.environ.get(variable) == "true":
            return cast("System", import_module(f"{__name__}.{name}"))
    return None


def bad_groups(run: RunSummary) -> list[FailureGroup]:
    """Return the groups of failures and errors, failures first."""
    groups = [group for group in run.groups if group.first.outcome in FAILED]
    return sorted(groups, key=lambda group: group.first.outcome is Outcome.ERROR)


def location(run: RunSummary, group: FailureGroup) -> Place:
    """Return where to show a group: at a compiler's message, at the function, or at the step of the smallest case.

    A path below the working folder is relative to it.
    """
    function = group.function
    place = group.compiler_place or (function and function.line and Place(function.file, function.line, 1))
    place = place or group.place or Place(run.results.unit(group.first.number).path, 1, 1)
    path = Path(place.path)
    return place._replace(path=str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def headline(group: FailureGroup) -> str:
    """Return a group in a few words."""
    return f"{group.title}{f' in {group.function.name}()' if group.function else ''}"


def machines(group: FailureGroup) -> str:
    """Return how many results of a group are on which machine."""
    return counted({f"on {machine}": number for machine, number in group.machines.items()})
