# SPDX-License-Identifier: GPL-2.0-only
"""GitLab CI: sections in the log that can be folded. Its code quality report is a format, `--codequality`."""

import re
import time
from collections.abc import Iterator

from lazymmu.reports.plain import visible
from lazymmu.results.run_summary import RunSummary

_CLEAR = "\r\x1b[0K"


def section(name: str, title: str) -> tuple[str, str]:
    """Return the markers around a section, which GitLab shows folded."""
    now, key = int(time.time()), re.sub(r"[^\w.-]", "_", f"lazymmu_{name}", flags=re.ASCII)
    return (
        f"\x1b[0Ksection_start:{now}:{key}[collapsed=true]{_CLEAR}{visible(title)}",
        f"\x1b[0Ksection_end:{now}:{key}{_CLEAR}",
    )


def annotations(run: RunSummary) -> Iterator[str]:
    """Yield nothing."""
    yield from ()


def write_summary(run: RunSummary) -> None:
    """Write nothing: GitLab shows the JUnit report."""
