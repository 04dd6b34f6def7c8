# SPDX-License-Identifier: GPL-2.0-only
"""The merged API with enable_with_ptes, the s390 series of 2026 (docs/semantics.md, "with-ptes").

There is no arch_pause or arch_resume in it: P calls leave, R calls enter, and the range is lost.
"""

from __future__ import annotations

from lazymmu.subject.revisions import merged
from lazymmu.subject.revisions.merged import MERGED, MergedState
from lazymmu.subject.rules import Caller, Rules


def enable_with_ptes(state: MergedState, caller: Caller) -> None:
    """As enable, with `w` instead of `e`."""
    merged.enable(state, caller, hook="w")


WITH_PTES = Rules(state=MergedState, calls={**MERGED.calls, "enable_with_ptes": enable_with_ptes})
