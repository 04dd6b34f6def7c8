# SPDX-License-Identifier: GPL-2.0-only
"""A run that came to its end, or was interrupted: the one thing that every report of it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from lazymmu.results.known_issues import Standing
from lazymmu.results.store import Results
from lazymmu.support.errors import LazymmuError


class Finished(Struct, frozen=True):
    """What a run found out."""

    #: What there is of everything that was to be run, in the order of reports.
    results: Results
    interrupted: bool
    #: Machine -> accelerator and why it was taken, for those that were started.
    accelerators: Mapping[str, tuple[str, str]]
    started: datetime
    #: Wall time from the first boot to the last result.
    seconds: float
    #: Why results, or logs of guests, could not be kept whole in their folder.
    log_failures: Sequence[LazymmuError] = ()
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
        return f"interrupted: {len(self.results)} of {len(self.results.units)} were done"

    def releases(self) -> list[str]:
        """Return what `uname -r` said in the guests, each once, sorted."""
        return sorted(self.results.releases)
