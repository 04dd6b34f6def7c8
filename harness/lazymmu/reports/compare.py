# SPDX-License-Identifier: GPL-2.0-only
"""Compares the documents of two runs: what changed, and whether anything got worse."""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lazymmu.reports.plain import first_line
from lazymmu.reports.results_folder import RESULTS, RUN
from lazymmu.results.result import Outcome, SavedResult
from lazymmu.support.errors import UsageError

#: Of several repetitions, the worst outcome counts.
_WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.SKIP, Outcome.PASS)

#: A smaller change of time than this factor and these seconds is noise.
_FACTOR = 2.0
_SECONDS = 0.5
#: The keys of a result that name its unit, and those of one side of a change; some only if there are.
_UNIT = ("scenario", "case", "arch", "api", "impl", "kernel", "personality")
_SIDE = ("outcome", "reason", "seconds", "known", "flaky")


Document = TypeVar("Document")


class SavedRun(Struct, frozen=True):
    """The results of one run."""

    schema: Literal[1]
    results: tuple[SavedResult, ...]
    selected: int = 0
    interrupted: bool = False
    #: The document, for messages.
    path: str = ""


def read(name: str) -> SavedRun:
    """Return the run in a file or results folder. Raises UsageError with path and reason if there is none."""
    path = document(name)
    return replace(decoded(path, SavedRun), path=str(path))


def document(name: str) -> Path:
    """Return the JSON document that a name means: a file, or one in a results folder."""
    path = Path(name)
    if path.is_dir():
        path /= RESULTS
        if not path.exists():
            if (path.parent / RUN).exists():
                raise UsageError(f"{path.parent}: this run has not ended: there is no {RESULTS}")
            raise UsageError(f"{path.parent} is not the results folder of a run: there is no {RESULTS}")
    return path


def decoded(path: Path, kind: type[Document]) -> Document:
    """Return the contents of a JSON document. Raises UsageError with path and reason if they are something else."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.ValidationError as error:
        hint = "`lazymmu run --json FILE` and --out DIR write results"
        raise UsageError(f"{path}: not the results of a run: {error}", hint=hint) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON: {error}") from None


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
    """One difference between two runs. `old` or `new` is None if that run does not have the unit."""

    kind: Kind
    old: SavedResult | None
    new: SavedResult | None

    @property
    def is_worse(self) -> bool:
        """True if something passed before, does not now, and is not a known failure."""
        if self.kind is Kind.DISAPPEARED:
            return self.old is not None and self.old.raw_outcome is Outcome.PASS
        return self.kind is Kind.NEWLY_FAILING and self.new is not None and not self.new.known

    def line(self) -> str:
        """Return the change on one line."""
        result = self.new or self.old
        assert result is not None  # noqa: S101  (one of them is there)
        if self.kind is Kind.TIME and self.old and self.new:
            return f"{result.label()}: {self.old.seconds:.2f} s -> {self.new.seconds:.2f} s"
        old, new = (
            one.raw_outcome + (" (known)" if one.known else " (flaky)" if one.flaky else "") if one else "not run"
            for one in (self.old, self.new)
        )
        reason = first_line(result.reason)
        return f"{result.label()}: {old} -> {new}{f': {reason}' if reason else ''}"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        sides = {"old": msgspec.to_builtins(self.old), "new": msgspec.to_builtins(self.new)}
        unit = sides["new"] or sides["old"]
        return {
            **{key: unit[key] for key in _UNIT if key in unit},
            "change": str(self.kind),
            "worse": self.is_worse,
            **{name: side and {key: side[key] for key in _SIDE if key in side} for name, side in sides.items()},
        }


def compare(old: SavedRun, new: SavedRun) -> tuple[Change, ...]:
    """Return the changes by kind, and then in the order of the documents.

    Kernels distinguish units only if one of the runs has several; otherwise runs on two kernels are compared.
    """
    kernels = any(len({result.kernel for result in run.results}) > 1 for run in (old, new))
    before, after = (_by_unit(run.results, kernels=kernels) for run in (old, new))
    pairs = [(before.get(unit), after.get(unit)) for unit in {**before, **after}]
    changes = [Change(kind, *pair) for pair in pairs if (kind := _kind(*pair))]
    return tuple(sorted(changes, key=lambda change: list(Kind).index(change.kind)))


def _by_unit(results: Iterable[SavedResult], *, kernels: bool) -> dict[tuple[str, ...], SavedResult]:
    """Return the result of each unit; of its repetitions the first of the worst, with the mean time of all."""
    groups: dict[tuple[str, ...], list[SavedResult]] = {}
    for result in results:
        case = json.dumps(result.values, sort_keys=True)
        machine = (result.arch, result.kernel if kernels else "", result.other_personality)
        groups.setdefault((result.scenario_name, case, result.api, result.impl, *machine), []).append(result)
    found = {}
    for unit, group in groups.items():
        # A known failure is less bad than an unknown one.
        worst = min(group, key=lambda result: (_WORST_FIRST.index(result.raw_outcome), bool(result.known)))
        found[unit] = replace(worst, seconds=fmean(result.seconds for result in group))
    return found


def _kind(old: SavedResult | None, new: SavedResult | None) -> Kind | None:
    """Return how two results differ; None if they do not."""
    if old is None or new is None:
        return Kind.APPEARED if old is None else Kind.DISAPPEARED
    if old.raw_outcome is not new.raw_outcome:
        if old.raw_outcome is Outcome.PASS:
            return Kind.NEWLY_FAILING
        return Kind.NEWLY_PASSING if new.raw_outcome is Outcome.PASS else Kind.OUTCOME
    if bool(old.known) is not bool(new.known):
        return Kind.OUTCOME
    if old.reason != new.reason:
        return Kind.REASON
    short, long = sorted((old.seconds, new.seconds))
    return Kind.TIME if long > _FACTOR * short and long - short > _SECONDS else None


def to_json(old: SavedRun, new: SavedRun, changes: Sequence[Change]) -> dict[str, Any]:
    """Return the document of `lazymmu compare`, without its schema number."""
    return {
        "old": old.path,
        "new": new.path,
        "worse": any(change.is_worse for change in changes),
        "summary": {str(kind): sum(change.kind is kind for change in changes) for kind in Kind},
        "changes": [change.to_json() for change in changes],
    }
