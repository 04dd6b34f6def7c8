# SPDX-License-Identifier: GPL-2.0-only
"""The merged API with enable_with_ptes, the s390 series of 2026 (docs/semantics.md, "with-ptes").

It has no arch_pause or arch_resume: pause calls leave, resume calls enter, and the range is lost.
"""

from lazymmu.subject.revision import Caller
from lazymmu.subject.revisions import merged
from lazymmu.subject.revisions.merged import MergedState

NAME = "with-ptes"
TITLE = "merged with enable_with_ptes, the s390 series of 2026"
DATE = "2026"


def enable_with_ptes(state: MergedState, caller: Caller) -> None:
    """As enable, with `w` instead of `e`."""
    merged.enable(state, caller, hook="w")


STATE = MergedState
DEPTH = merged.DEPTH
CALLS = {**merged.CALLS, "enable_with_ptes": enable_with_ptes}
