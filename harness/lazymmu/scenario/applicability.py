# SPDX-License-Identifier: GPL-2.0-only
"""To which revisions and personalities a scenario applies: those that have all that it uses.

A scenario applies to every pair of such a revision and such a personality. So a word that is missing in any pair
rules out the revision (or personality) that lacks it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.scenario.context import Need
from lazymmu.scenario.strict_yaml.nodes import Scalar
from lazymmu.scenario.strict_yaml.problems import Problems, listed, quote
from lazymmu.subject.counters import COMMON_COUNTERS, HOOKS
from lazymmu.subject.operations import CALLS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revision import state_fields
from lazymmu.subject.revisions import REVISIONS

#: A TRACE has it for every task, beside the state. A flag of that name (v4) is the same outside interrupt.
ACTIVE = "active"


@functools.cache
def counters() -> Mapping[str, frozenset[str]]:
    """Return every counter, with the personalities that have it."""
    return {
        **{name: frozenset(PERSONALITIES) for name in (*CALLS, *HOOKS.values(), *COMMON_COUNTERS)},
        **{
            name: frozenset(other.NAME for other in PERSONALITIES.values() if name in other.COUNTERS)
            for personality in PERSONALITIES.values()
            for name in personality.COUNTERS
        },
    }


@functools.cache
def states() -> Mapping[str, tuple[type, frozenset[str]]]:
    """Return every name of a task's state, with its type and the revisions that have it."""
    fields = {name: dict(state_fields(revision)) for name, revision in REVISIONS.items()}
    return {
        name: (kind, frozenset(api for api, known in fields.items() if name in known))
        for known in fields.values()
        for name, kind in known.items()
        if name != ACTIVE
    }


class Named(Struct, frozen=True):
    """What `api:`, `arch:` and `personality:` name; None where there is nothing (or what could not be read)."""

    apis: Sequence[Scalar] | None
    #: Guests.
    arches: Sequence[Scalar] | None
    #: The personality of all guests, in place of the usual one of each.
    personality: Scalar | None = None

    def personalities(self) -> list[tuple[Scalar, str]] | None:
        """Return the personalities that may be in force, each with the word that names it; None for all."""
        if self.personality is not None:
            return [(self.personality, self.personality.text)]
        if self.arches is None:
            return None
        return [(name, architectures()[name.text].personality) for name in self.arches]


def applicable(named: Named, needs: Sequence[Need]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the revisions and the personalities that are named and have all that is needed."""
    personalities = named.personalities()
    chosen = PERSONALITIES if personalities is None else {name for _, name in personalities}
    return (
        tuple(api for api in _among(named.apis, REVISIONS) if not any(need.lacks_api(api) for need in needs)),
        tuple(name for name in PERSONALITIES if name in chosen and not any(need.lacks_arch(name) for need in needs)),
    )


def guests(named: Named, personalities: Sequence[str]) -> tuple[str, ...]:
    """Return the architectures on whose guests these personalities are in force."""
    named_guests = _among(named.arches, architectures())
    if named.personality is not None:
        return tuple(named_guests)
    return tuple(arch for arch in named_guests if architectures()[arch].personality in personalities)


def report(problems: Problems, named: Named, needs: Sequence[Need]) -> None:
    """Report the named revisions and personalities that lack something, and needs that leave none."""
    personalities = named.personalities()
    for name, meant in (*((api, api.text) for api in named.apis or ()), *(personalities or ())):
        why = lack(meant, needs)
        if why:
            problems.add(name.place, f"{quote(name.text)} cannot be named here: {why}")
    if named.apis is None:
        _report_none_left(problems, needs, "revision", REVISIONS, Need.lacks_api)
    if personalities is None:
        _report_none_left(problems, needs, "architecture", PERSONALITIES, Need.lacks_arch)


def lack(name: str, needs: Sequence[Need]) -> str:
    """Return what a revision or personality lacks, and where that is used; nothing when it lacks nothing."""
    for need in needs:
        if (name in REVISIONS and need.lacks_api(name)) or (name in PERSONALITIES and need.lacks_arch(name)):
            return f"it has no {quote(need.word)} (line {need.place.line})"
    return ""


def _among(named: Sequence[Scalar] | None, known: Collection[str]) -> list[str]:
    chosen = None if named is None else {name.text for name in named}
    return [name for name in known if chosen is None or name in chosen]


def _report_none_left(
    problems: Problems, needs: Sequence[Need], what: str, known: Collection[str], lacks: Callable[[Need, str], bool]
) -> None:
    """Report the need that leaves nobody, with those before it that ruled out the others."""
    left = set(known)
    causes: list[Need] = []
    for need in sorted(needs, key=lambda need: need.place):
        lacking = {name for name in left if lacks(need, name)}
        if lacking:
            causes.append(need)
            left -= lacking
            if not left:
                words = listed(f"{quote(cause.word)} (line {cause.place.line})" for cause in causes)
                problems.add(need.place, f"no {what} has all that this scenario uses: {words}")
                return
