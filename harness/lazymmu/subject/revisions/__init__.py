# SPDX-License-Identifier: GPL-2.0-only
"""The revisions of the API: each file of this folder is one (`subject/revision.py` has the names that it defines)."""

from collections.abc import Mapping

from msgspec import Struct

from lazymmu.subject.operations import BY_REVISION
from lazymmu.subject.revision import Revision
from lazymmu.support.catalogue import Catalogue

REVISIONS: Catalogue[Revision] = Catalogue(
    __name__,
    "revision",
    {
        "TITLE": str,
        "DATE": str,
        "STATE": lambda state: isinstance(state, type) and issubclass(state, Struct),
        "DEPTH": str,
        "CALLS": lambda calls: isinstance(calls, Mapping) and {*calls} <= {*BY_REVISION},
    },
    order=lambda revision: (revision.DATE, revision.NAME),
)

#: Revisions that a run covers when none is named.
DEFAULT_REVISIONS = ("amended", "merged")


def revisions_with(operation: str) -> frozenset[str]:
    """Return the revisions that have an operation."""
    if operation not in BY_REVISION:
        return frozenset(REVISIONS)
    return frozenset(name for name, revision in REVISIONS.items() if operation in revision.CALLS)
