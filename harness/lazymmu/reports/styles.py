# SPDX-License-Identifier: GPL-2.0-only
"""The colours of outcomes, as styles of rich."""

from __future__ import annotations

from lazymmu.results.result import Outcome

#: Outcome -> style, the worst outcome first.
STYLES = {
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold magenta",
    Outcome.SKIP: "yellow",
    Outcome.KNOWN: "yellow",
    Outcome.PASS: "green",
}
