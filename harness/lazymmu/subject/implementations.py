# SPDX-License-Identifier: GPL-2.0-only
"""The implementations of the API that can be tested, and what a trace shows of each."""

from collections.abc import Mapping

from msgspec import Struct

from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revision import state_fields
from lazymmu.subject.revisions import REVISIONS


class Implementation(Struct, frozen=True):
    """An implementation of the API that can be tested."""

    name: str
    #: The only revisions that it can be of; None: every revision.
    only: frozenset[str] | None = None
    #: It is the running kernel's. A trace shows its calls, hooks and the tasks' state, but not the page table, which
    #: belongs to the kernel, unless the personality has `PersonalityModel.native_table`.
    hooks_only: bool = False
    #: Operations that it does not have in any revision.
    missing: frozenset[str] = frozenset()
    #: The only personalities with which it runs; None: all.
    personalities: frozenset[str] | None = None

    @property
    def revisions(self) -> frozenset[str]:
        """The revisions that it can be of."""
        return frozenset(REVISIONS) if self.only is None else self.only


#: The implementation that the module brings along, of every revision.
MODULE = "module"
#: The running kernel's own.
NATIVE = "native"
#: The same, in tasks whose pause_count the module has set to 0 (docs/xen-pause-count.md).
NATIVE_REPAIRED = "native-repaired"
#: That of a header's text.
HEADER = "header"
#: Not one that runs scenarios: the kernel's own KUnit suites, which test its own implementation.
KUNIT = "kunit"

IMPLEMENTATIONS: Mapping[str, Implementation] = {
    implementation.name: implementation
    for implementation in (
        Implementation(MODULE),
        # No module can fork the thread that runs it.
        Implementation(NATIVE, frozenset({"merged"}), hooks_only=True, missing=frozenset({"fork"})),
        Implementation(
            NATIVE_REPAIRED,
            frozenset({"merged"}),
            hooks_only=True,
            missing=frozenset({"fork"}),
            personalities=frozenset({"xen"}),
        ),
        Implementation(HEADER),
        Implementation(KUNIT, frozenset()),
    )
}


def state_of(api: str, personality: str, impl: str = MODULE) -> tuple[tuple[str, type], ...]:
    """Return the names of a task's state in a trace, in report order, with their types."""
    flags = PERSONALITIES[personality].NATIVE_FLAGS if IMPLEMENTATIONS[impl].hooks_only else ()
    return (*state_fields(REVISIONS[api]), *((name, bool) for name in flags))


def shows_table(personality: str, impl: str) -> bool:
    """Return whether a trace shows the page table, what is outstanding, and the answers of reads."""
    return not IMPLEMENTATIONS[impl].hooks_only or PERSONALITIES[personality].MODEL.native_table


def missing_operations(personality: str, impl: str) -> frozenset[str]:
    """Return the operations that an implementation lacks in every revision."""
    implementation = IMPLEMENTATIONS[impl]
    of_kernel = PERSONALITIES[personality].MODEL.native_missing if implementation.hooks_only else frozenset()
    return implementation.missing | of_kernel
