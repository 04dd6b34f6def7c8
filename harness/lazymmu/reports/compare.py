# SPDX-License-Identifier: GPL-2.0-only
"""What changed between two runs, and whether anything got worse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from statistics import fmean
from typing import Any

from msgspec import Struct

from lazymmu.reports.json import SCHEMA
from lazymmu.reports.plain import first_line
from lazymmu.reports.saved_results import Document, Record
from lazymmu.results.result import Outcome

#: The worst comes first: what runs several times counts as its worst.
_WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.SKIP, Outcome.PASS)

#: A change of time is told when it is of this factor and this many seconds: less is noise.
_FACTOR = 2.0
_SECONDS = 0.5


class Kind(StrEnum):
    """The kinds of changes, in the order in which they are shown."""

    NEWLY_FAILING = "newly failing"
    DISAPPEARED = "disappeared"
    OUTCOME = "other outcome"
    REASON = "other reason"
    NEWLY_PASSING = "newly passing"
    APPEARED = "appeared"
    TIME = "other time"


class Change(Struct, frozen=True):
    """One thing that is not as it was; `old` or `new` is None when it was not run there."""

    kind: Kind
    old: Record | None
    new: Record | None

    @property
    def worse(self) -> bool:
        """Whether something passed that does not any more, and is not known either."""
        if self.kind is Kind.DISAPPEARED:
            return self.old is not None and self.old.outcome is Outcome.PASS
        return self.kind is Kind.NEWLY_FAILING and self.new is not None and not self.new.known

    def line(self) -> str:
        """Return what changed on one line."""
        record = self.new or self.old
        label = record.label() if record else ""
        if self.kind is Kind.TIME and self.old and self.new:
            return f"{label}: {self.old.seconds:.2f} s -> {self.new.seconds:.2f} s"
        reason = first_line(record.reason) if record else ""
        return f"{label}: {_outcome(self.old)} -> {_outcome(self.new)}{f': {reason}' if reason else ''}"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        record = self.new or self.old
        keys = ("scenario", "case", "arch", "api", "impl", "kernel")
        return {
            **{key: getattr(record, key) for key in keys},
            "change": str(self.kind),
            "worse": self.worse,
            "old": _sides(self.old),
            "new": _sides(self.new),
        }


def _outcome(record: Record | None) -> str:
    if record is None:
        return "not run"
    return f"{record.outcome} (known)" if record.known else str(record.outcome)


def _sides(record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    sides = {"outcome": str(record.outcome), "reason": record.reason, "seconds": record.seconds}
    return {**sides, "known": record.known} if record.known else sides


def compare(old: Document, new: Document) -> tuple[Change, ...]:
    """Return what changed, by kind and then in the order of the documents.

    What was run on several kernels in one of the documents is told apart by them; else a run on one kernel is compared
    with a run on another.
    """
    kernels = any(len({record.kernel for record in document.records}) > 1 for document in (old, new))

    def key(record: Record) -> tuple[str, ...]:
        case = json.dumps(record.case, sort_keys=True)
        of = (record.scenario, case, record.arch, record.api, record.impl)
        return (*of, record.kernel) if kernels else of

    before, after = _by_key(old.records, key), _by_key(new.records, key)
    changes = []
    for name in dict.fromkeys((*before, *after)):
        kind = _kind(before.get(name), after.get(name))
        if kind is not None:
            changes.append(Change(kind, before.get(name), after.get(name)))
    return tuple(sorted(changes, key=lambda change: list(Kind).index(change.kind)))


def _by_key(records: Iterable[Record], key: Callable[[Record], tuple[str, ...]]) -> dict[tuple[str, ...], Record]:
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return {name: _folded(group) for name, group in groups.items()}


def _folded(group: Sequence[Record]) -> Record:
    """Return what counts of several runs of the same: the first of the worst, with the mean time of all."""
    if len(group) == 1:
        return group[0]
    # A known failure is less bad than the same unknown.
    worst = min(group, key=lambda record: (_WORST_FIRST.index(record.outcome), bool(record.known)))
    values = {name: getattr(worst, name) for name in Record.__struct_fields__}
    return Record(**{**values, "seconds": fmean(record.seconds for record in group)})


def _kind(old: Record | None, new: Record | None) -> Kind | None:
    """Return how two results differ, None when they do not."""
    if old is None or new is None:
        return Kind.APPEARED if old is None else Kind.DISAPPEARED
    if old.outcome is not new.outcome:
        if old.outcome is Outcome.PASS:
            return Kind.NEWLY_FAILING
        return Kind.NEWLY_PASSING if new.outcome is Outcome.PASS else Kind.OUTCOME
    if bool(old.known) is not bool(new.known):
        return Kind.OUTCOME
    if old.reason != new.reason:
        return Kind.REASON
    short, long = sorted((old.seconds, new.seconds))
    return Kind.TIME if long > _FACTOR * short and long - short > _SECONDS else None


def to_json(old: Document, new: Document, changes: Sequence[Change]) -> dict[str, Any]:
    """Return the document of `lazymmu compare`."""
    return {
        "schema": SCHEMA,
        "old": old.path,
        "new": new.path,
        "worse": any(change.worse for change in changes),
        "summary": {str(kind): sum(change.kind is kind for change in changes) for kind in Kind},
        "changes": [change.to_json() for change in changes],
    }
