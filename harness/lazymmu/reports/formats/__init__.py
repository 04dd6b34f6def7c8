# SPDX-License-Identifier: GPL-2.0-only
"""The formats of reports that flags of `run` ask for. Each file is one format; a new file is a new format and flag."""

from typing import Protocol, TextIO

from lazymmu.results.run_summary import RunSummary
from lazymmu.support.catalogue import Catalogue


class Format(Protocol):
    """One format. Libraries that other runs do not need are imported by `write`."""

    NAME: str
    #: The flag of the command line that takes the file to write, and its help.
    FLAG: str
    HELP: str

    @staticmethod
    def write(run: RunSummary, file: TextIO) -> None:
        """Write the report of a run."""


FORMATS: Catalogue[Format] = Catalogue(
    "lazymmu.reports.formats", "report format", {"FLAG": str, "HELP": str, "write": callable}
)
