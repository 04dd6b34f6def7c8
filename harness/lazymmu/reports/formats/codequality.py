# SPDX-License-Identifier: GPL-2.0-only
"""GitLab's code quality report, a subset of Code Climate's: one issue for each cause, at the function that has it."""

import hashlib
import json
from typing import Any, TextIO

from lazymmu.reports.ci import bad_groups, headline, location, machines
from lazymmu.results.failure_groups import FailureGroup, cause
from lazymmu.results.result import Outcome
from lazymmu.results.run_summary import RunSummary
from lazymmu.support.errors import Place

NAME = "codequality"
FLAG = "--codequality"
HELP = "write the causes of failures as GitLab's code quality report; - is standard output"


def write(run: RunSummary, file: TextIO) -> None:
    """Write the report."""
    json.dump([_issue(run, group) for group in bad_groups(run)], file, indent=1)
    file.write("\n")


def _issue(run: RunSummary, group: FailureGroup) -> dict[str, Any]:
    place, title = location(run, group), headline(group)
    # An issue stays the same, for the comparison of two branches, when lines move and other cases have it.
    parts = [part.path if isinstance(part, Place) else str(part) for part in cause(group.first)]
    identity = "\0".join([*parts, place.path])
    return {
        "type": "issue",
        "description": f"{group.first.outcome}: {title}: {group.first.label()} ({machines(group)})",
        "check_name": f"lazymmu {group.first.outcome}",
        "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
        "severity": "critical" if group.first.outcome is Outcome.FAIL else "major",
        "location": {"path": place.path, "lines": {"begin": place.line}},
    }
