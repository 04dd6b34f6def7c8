# SPDX-License-Identifier: GPL-2.0-only
"""The exceptions that end a command, with its exit status: 2 for wrong usage or scenarios, 3 for machines and tools.

A wrong implementation (1) is a result and never an exception. docs/command-line.md documents the statuses.
"""

import sys
from collections.abc import Sequence
from typing import NamedTuple

from lazymmu.support.workflow_commands import harmless

#: Exit status of a command that was interrupted.
INTERRUPTED = 130

#: Exit status that makes `git bisect run` skip a commit (man git-bisect).
UNTESTABLE = 125


class Place(NamedTuple):
    """A place in a file; line and column count from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


class LazymmuError(Exception):
    """An error on which the user can act: the message names the thing and the place, `hint` the next step."""

    exit_status = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"


class UsageError(LazymmuError):
    """A wrong command line, or a selection that matches nothing."""

    exit_status = 2


class Problem(NamedTuple):
    """One mistake in a scenario file. Its text is `path:line:column: message`."""

    place: Place
    message: str
    #: The id of the rule that it breaks, for programs and for searches in the documents.
    rule: str = "value"

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ScenarioError(LazymmuError):
    """All mistakes in one or more scenario files, in the order of their places."""

    exit_status = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Misplaced(ScenarioError):
    """A step that cannot be done where it runs, such as a switch to the running task. Only a run can show it."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__([Problem(place, message)])


class SetupError(LazymmuError):
    """A tool, package, kernel or cache entry is not available."""


class GuestError(LazymmuError):
    """A guest did not boot, or did not do what it was asked to.

    `details` is what a person needs to act on it: the last console lines, QEMU's stderr, its command line. `place` is
    that of the step in which the guest was lost.
    """

    def __init__(self, message: str, *, details: str = "", place: Place | None = None) -> None:
        super().__init__(message)
        self.details = details
        self.place = place


class GuestDied(GuestError):
    """The guest or QEMU is dead, or about to be: it closed the connection."""


class GuestHung(GuestError):
    """The guest is alive and makes no progress."""


class HostStarved(GuestError):
    """The host gave the guest too little processor time."""


class ConnectionLost(GuestError):
    """Only the connection to the guest failed. Any of the programs that were sent may be the cause, or none."""


class SnapshotDamaged(GuestError):
    """The guest was restored from a snapshot that is damaged, so none of its results count."""


def print_error(error: LazymmuError | OSError) -> int:
    """Print on standard error why a command failed. Returns the exit status."""
    # Editors look for `path:line:column:` at the start of a line.
    prefix = "" if isinstance(error, ScenarioError) else "lazymmu: "
    print(harmless(f"{prefix}{error}"), file=sys.stderr)
    if isinstance(error, GuestError) and error.details:
        print(harmless(error.details), file=sys.stderr)
    return error.exit_status if isinstance(error, LazymmuError) else LazymmuError.exit_status
