# SPDX-License-Identifier: GPL-2.0-only
"""A run that came to its end, or was interrupted: the one thing that every report of it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.core.errors import LazymmuError
from harness.core.known import Standing
from harness.core.result import Result, Unit


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run found out."""

    #: Everything that was to be run, and the results that there are of it, both in the order of reports.
    selected: Sequence[Unit]
    results: Sequence[Result]
    interrupted: bool
    #: Architecture -> accelerator and why it was taken, for those that were started.
    accelerators: Mapping[str, tuple[str, str]]
    started: datetime
    #: Wall time from the first boot to the last result.
    seconds: float
    #: Why logs of guests could not be kept whole.
    log_failures: Sequence[LazymmuError] = ()
    #: Keep the steps of every trace, not only of failures.
    trace: bool = False
    #: What --shuffle was given; None when the order was that of the reports.
    seed: int | None = None
    #: What became of the entries of --known; None without that flag.
    known: Sequence[Standing] | None = None

    def broken(self) -> list[Standing]:
        """Return the entries of --known for which the run fails."""
        return [standing for standing in self.known or () if standing.broken]

    def left(self) -> str:
        """Return how much was not run, for a person; empty when everything was."""
        if not self.interrupted:
            return ""
        return f"interrupted: {len(self.results)} of {len(self.selected)} were done"

    def releases(self) -> list[str]:
        """Return what `uname -r` said in the guests, each once, sorted."""
        return sorted({result.release for result in self.results if result.release})
