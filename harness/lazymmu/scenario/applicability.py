# SPDX-License-Identifier: GPL-2.0-only
"""Finds the revisions and personalities to which a scenario applies: those that have all that it uses.

A scenario applies to every pair of such a revision and such a personality. So a word that is missing in any pair
rules out the revision (or personality) without it.
"""

import functools
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.scenario.context import Need
from lazymmu.scenario.strict_yaml.nodes import Scalar
from lazymmu.scenario.strict_yaml.problems import Problems, quote
from lazymmu.subject.case import Limit
from lazymmu.subject.counters import COMMON_COUNTERS, HOOKS
from lazymmu.subject.operations import CALLS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revision import state_fields
from lazymmu.subject.revisions import REVISIONS

#: A TRACE has it for every task, beside the state. A flag of that name (v4) is the same outside interrupt.
ACTIVE = "active"


@functools.cache
def counters() -> Mapping[str, frozenset[str]]:
    """Return every counter, with the personalities without it."""
    found: dict[str, frozenset[str]] = dict.fromkeys((*CALLS, *HOOKS.values(), *COMMON_COUNTERS), frozenset())
    for personality in PERSONALITIES.values():
        for counter in personality.COUNTERS:
            found[counter] = frozenset(name for name, other in PERSONALITIES.items() if counter not in other.COUNTERS)
    return found


@functools.cache
def states() -> Mapping[str, tuple[type, frozenset[str]]]:
    """Return every name of a task's state, with its type and the revisions without it."""
    fields = {api: dict(state_fields(revision)) for api, revision in REVISIONS.items()}
    return {
        name: (kind, frozenset(api for api, known in fields.items() if name not in known))
        for known in fields.values()
        for name, kind in known.items()
        if name != ACTIVE
    }


def without(word: str) -> frozenset[str]:
    """Return the personalities without a counter, or the revisions without a name of a task's state."""
    return counters()[word] if word in counters() else states()[word][1] if word in states() else frozenset()


class Named(Struct, frozen=True):
    """What `api:`, `arch:` and `personality:` name; None for a key that is missing or could not be read."""

    apis: Sequence[Scalar] | None
    #: Guests.
    arches: Sequence[Scalar] | None
    #: The personality of all guests, instead of the usual one of each.
    personality: Scalar | None = None

    def personalities(self) -> list[tuple[Scalar, str]] | None:
        """Return the personalities that may be in force, each with the word that names it; None for all."""
        if self.personality is not None:
            return [(self.personality, self.personality.text)]
        if self.arches is None:
            return None
        return [(name, architectures()[name.text].personality) for name in self.arches]


class Applicability(Struct, frozen=True):
    """What a scenario applies to, each in the order of its catalogue."""

    apis: tuple[str, ...]
    personalities: tuple[str, ...]
    #: The guests on which such a personality is in force, and those that may have another than their own.
    arches: tuple[str, ...]
    guests: tuple[str, ...]
    #: The words that limit it where the file names no revisions, or no architectures.
    limits: tuple[Limit, ...]


def of(named: Named, needs: Sequence[Need]) -> Applicability:
    """Return what is named and has all that is needed."""
    # Most words are everywhere.
    needs = [need for need in needs if need.without]
    personalities = named.personalities()
    chosen = PERSONALITIES if personalities is None else {name for _, name in personalities}
    left = tuple(name for name in PERSONALITIES if name in chosen and not reason_against(name, needs))
    guests = tuple(_among(named.arches, architectures()))
    own = tuple(arch for arch in guests if architectures()[arch].personality in left)
    return Applicability(
        apis=tuple(name for name in _among(named.apis, REVISIONS) if not reason_against(name, needs)),
        personalities=left,
        arches=own if named.personality is None else guests,
        guests=guests,
        limits=(
            *(_limits(needs, REVISIONS) if named.apis is None else ()),
            *(_limits(needs, PERSONALITIES) if personalities is None else ()),
        ),
    )


def report(problems: Problems, named: Named, needs: Sequence[Need]) -> None:
    """Report the named revisions and personalities that a need rules out, and needs that leave none."""
    personalities = named.personalities()
    for name, meant in (*((api, api.text) for api in named.apis or ()), *(personalities or ())):
        why = reason_against(meant, needs)
        if why:
            problems.add(name.place, f"{quote(name.text)} cannot be named here: {why}", rule="applicability")
    if named.apis is None:
        _report_none_left(problems, needs, "revision", REVISIONS)
    if personalities is None:
        _report_none_left(problems, needs, "architecture", PERSONALITIES)


def reason_against(name: str, needs: Sequence[Need]) -> str:
    """Return which word rules out a revision or personality, and where it is used; empty if none does."""
    for need in needs:
        if need.rules_out(name):
            return f"it has no {quote(need.word)} (line {need.place.line})"
    return ""


def _among(named: Sequence[Scalar] | None, known: Collection[str]) -> list[str]:
    chosen = None if named is None else {name.text for name in named}
    return [name for name in known if chosen is None or name in chosen]


def _limits(needs: Sequence[Need], known: Collection[str]) -> list[Limit]:
    """Return each need that leaves fewer of `known` than those before it."""
    left = tuple(known)
    found: list[Limit] = []
    for need in sorted(needs, key=lambda need: need.place):
        fewer = tuple(name for name in left if not need.rules_out(name))
        if fewer != left:
            left = fewer
            found.append(Limit(need.place, need.word, left))
    return found


def _report_none_left(problems: Problems, needs: Sequence[Need], what: str, known: Collection[str]) -> None:
    """Report the need that rules out the last of `known`, with the needs before it that ruled out the others."""
    causes = _limits(needs, known)
    last = next((cause for cause in causes if not cause.to), None)
    if last is not None:
        words = ", ".join(f"{quote(cause.word)} (line {cause.place.line})" for cause in causes)
        problems.add(last.place, f"no {what} has all that this scenario uses: {words}", rule="applicability")
