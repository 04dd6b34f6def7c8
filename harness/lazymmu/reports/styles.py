# SPDX-License-Identifier: GPL-2.0-only
"""The colours in which results are shown, in rich's words."""

from __future__ import annotations

#: Outcome, or `known` for one that is excused -> style; the worst comes first.
STYLES = {"fail": "bold red", "error": "bold magenta", "skip": "yellow", "known": "yellow", "pass": "green"}
