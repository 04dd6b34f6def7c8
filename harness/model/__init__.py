# SPDX-License-Identifier: GPL-2.0-only
"""The reference model: what docs/semantics.md says a case does, in Python. Knows nothing of guests.

It is the oracle that a guest's report is held against, so it is written from the text alone and never from, or to
agree with, the module. A new revision is a file of state and calls beside `merged.py` and an entry in `REVISIONS`;
a new operation is an entry in `run.Run.operations`.
"""

from __future__ import annotations

from typing import Any

from harness.core import vocabulary
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.trace import Trace
from harness.model.amended import AMENDED
from harness.model.merged import MERGED
from harness.model.proposal import PROPOSAL
from harness.model.rules import Rules
from harness.model.run import Run

__all__ = ["REVISIONS", "predict"]

#: Revision -> its state machine, for every revision of the vocabulary.
REVISIONS: dict[str, Rules[Any]] = {"proposal": PROPOSAL, "amended": AMENDED, "merged": MERGED}


def predict(case: Case, api: str, arch: str) -> Trace:
    """Return what a right implementation of revision `api` does with the case under personality `arch`.

    Both are names of the vocabulary (KeyError otherwise). Raises UsageError when the case has an operation that the
    revision lacks, be it one that would never run.
    """
    has = (Run.operations.keys() - vocabulary.CALLS) | vocabulary.REVISIONS[api].operations
    lacking = {step.op for step in case.walk()} - has
    if lacking:
        raise UsageError(f"revision {api} has no operation {', '.join(sorted(lacking))}")
    return Run(REVISIONS[api], vocabulary.PERSONALITIES[arch]).play(case.steps)
