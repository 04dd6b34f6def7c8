# SPDX-License-Identifier: GPL-2.0-only
"""The reference model: what docs/semantics.md says a case does, in Python. Knows nothing of guests.

It is the oracle that a guest's report is held against, so it is written from the text alone and never from, or to
agree with, the module. A new revision is a file of state and calls beside `merged.py` and an entry in `REVISIONS`;
a new personality is a file in `personalities/`; a new operation is an entry in `operations.OPERATIONS`.
"""

from __future__ import annotations

from typing import Any

from lazymmu.subject import vocabulary
from lazymmu.subject.case import Case
from lazymmu.subject.native_run import NativeRun
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions.amended import AMENDED
from lazymmu.subject.revisions.merged import MERGED
from lazymmu.subject.revisions.proposal import PROPOSAL
from lazymmu.subject.revisions.v3 import V3
from lazymmu.subject.revisions.v4 import V4
from lazymmu.subject.revisions.with_ptes import WITH_PTES
from lazymmu.subject.rules import Rules
from lazymmu.subject.simulated_run import Run
from lazymmu.subject.trace import Skip, Trace
from lazymmu.support.errors import UsageError

__all__ = ["REVISIONS", "predict"]

#: Revision -> its state machine, for every revision of the vocabulary.
REVISIONS: dict[str, Rules[Any]] = {
    "proposal": PROPOSAL,
    "amended": AMENDED,
    "v3": V3,
    "v4": V4,
    "merged": MERGED,
    "with-ptes": WITH_PTES,
}

#: Operations that only some revisions have.
_REVISION_BOUND = {*vocabulary.CALLS, *vocabulary.TASK_CALLS}


def predict(case: Case, api: str, arch: str, impl: str = vocabulary.MODULE) -> Trace | Skip:
    """Return what a right implementation of revision `api` does with the case under personality `arch`.

    All three are names of the vocabulary (KeyError otherwise); the trace has what is seen of `impl`. A Skip says that
    the case cannot run under the personality.
    Raises UsageError when the case has an operation that the revision lacks, be it one that would never run.
    """
    has = (Run.operations.keys() - _REVISION_BOUND) | vocabulary.REVISIONS[api].operations
    lacking = {step.op for step in case.walk()} - (has - vocabulary.IMPLEMENTATIONS[impl].lacks)
    if lacking:
        who = f"revision {api}" if impl == vocabulary.MODULE else f"revision {api} of implementation {impl}"
        raise UsageError(f"{who} has no operation {', '.join(sorted(lacking))}")
    run = NativeRun if impl == vocabulary.NATIVE else Run
    return run(REVISIONS[api], PERSONALITIES[arch], case.tasks).play(case.steps)
