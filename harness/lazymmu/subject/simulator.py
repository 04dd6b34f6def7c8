# SPDX-License-Identifier: GPL-2.0-only
"""The reference model: predicts what docs/semantics.md says a case does. Knows nothing of guests.

Guests' reports are compared with it, so it is written from the text alone, and never from the module. `run.py` plays a
case, `behaviour.py` has what each operation does, `revisions/` and `personalities/` have the state machines.
"""

from __future__ import annotations

from lazymmu.subject.case import Case
from lazymmu.subject.implementations import IMPLEMENTATIONS, MODULE
from lazymmu.subject.operations import BY_REVISION, OPERATIONS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.run import Run
from lazymmu.subject.trace import Skip, Trace
from lazymmu.support.errors import UsageError


def predict(case: Case, api: str, arch: str, impl: str = MODULE) -> Trace | Skip:
    """Return what a right implementation of revision `api` does with the case under personality `arch`.

    The trace has what is visible of the implementation `impl`. A Skip says that the case cannot run under the
    personality. Raises KeyError for an unknown name, SetupError for one whose file is broken, and UsageError if the
    case has an operation that the revision lacks, even one that would never run.
    """
    revision, personality = REVISIONS[api], PERSONALITIES[arch]
    has = ({*OPERATIONS} - {*BY_REVISION} | revision.CALLS.keys()) - IMPLEMENTATIONS[impl].lacks
    lacking = {step.op for step in case.walk()} - has
    if lacking:
        who = f"revision {api}" if impl == MODULE else f"revision {api} of implementation {impl}"
        raise UsageError(f"{who} has no operation {', '.join(sorted(lacking))}")
    return Run(revision, personality, case.tasks, impl).play(case.steps)
