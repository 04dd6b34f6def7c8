# SPDX-License-Identifier: GPL-2.0-only
"""The results of a run, written as they come: one line of JSON for each in `results.jsonl`, a few bytes in memory.

Every report is made from this file, so that 90,000 results cost no more memory than ten. A process that is killed
loses at most the line that it was writing; `opened` reads the others again.
"""

from __future__ import annotations

import json
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.support import disk
from lazymmu.support.errors import LazymmuError, UsageError

#: The name of the file in a results folder.
SPOOL = "results.jsonl"
#: The key of a line for the position of its unit among those selected.
NUMBER = "number"

_OUTCOMES = tuple(Outcome)
#: Marks an end that is known and excused, beside the number of its outcome, which counts from 1; 0 is no result.
_KNOWN = 8
_HINT = "let --out DIR name another folder"


class Results:
    """The results that there are of `units`; a position is that of a unit among them, from 0.

    `add` is for one thread at a time. Without a file, and once the file cannot be written (`failure` is the error
    then), results are kept in memory: a full disk must not cost a verdict.
    """

    def __init__(self, units: Sequence[Unit], *, trace: bool = False, path: Path | None = None) -> None:
        """Keep the results of these units; `trace`: with the steps of every trace, not only of failures."""
        self.units = units
        self.failure: LazymmuError | None = None
        #: What `uname -r` said in the guests.
        self.releases: set[str] = set()
        self._trace = trace
        self._path = path
        self._descriptor = -1
        self._end = 0
        self._ends = bytearray(len(units))
        self._offsets = array("Q", bytes(8 * len(units)))
        self._lengths = array("Q", bytes(8 * len(units)))
        self._kept: dict[int, bytes] = {}

    def add(self, position: int, result: Result) -> None:
        """Keep the result of a unit; it is in the file when this returns."""
        document = {NUMBER: position, **result.to_json(trace=self._trace)}
        line = json.dumps(document, separators=(",", ":")).encode()
        if not self._written(line + b"\n"):
            self._kept[position] = line
        self._note(position, result.outcome, known=bool(result.known), release=result.release, length=len(line))

    def _note(self, position: int, outcome: Outcome, *, known: bool, release: str, length: int) -> None:
        self._ends[position] = _OUTCOMES.index(outcome) + 1 + (_KNOWN if known else 0)
        if release:
            self.releases.add(release)
        if position not in self._kept:
            self._offsets[position], self._lengths[position] = self._end, length
            self._end += length + 1

    def _written(self, line: bytes) -> bool:
        if self._descriptor < 0 or self.failure is not None:
            return False
        try:
            done = 0
            while done < len(line):
                done += os.pwrite(self._descriptor, line[done:], self._end + done)
        except OSError as error:
            self._fail(error)
            return False
        return True

    def _fail(self, error: OSError) -> None:
        """Write no more; what is there already can still be read."""
        assert self._path is not None  # noqa: S101  (nothing is written without one)
        told = disk.refusal(error, self._path.parent, hint=_HINT)
        self.failure = told or LazymmuError(f"{self._path} could not be written: {error.strerror}", hint=_HINT)
        if self._descriptor >= 0:
            # Half a line must not stand there; who reads it again would drop it, too.
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._end)

    def __len__(self) -> int:
        return len(self._ends) - self._ends.count(0)

    def __contains__(self, position: object) -> bool:
        return isinstance(position, int) and bool(self._ends[position])

    def __iter__(self) -> Iterator[Result]:
        """Yield the results in the order of the units, each read as it is asked for."""
        return (self[position] for position in self.positions())

    def __getitem__(self, position: int) -> Result:
        """Return the result of a unit; KeyError when there is none."""
        return Result.from_json(json.loads(self.line(position)), self.units[position])

    def line(self, position: int) -> bytes:
        """Return the result of a unit as a line of JSON, without its end; KeyError when there is none."""
        if position not in self:
            raise KeyError(position)
        kept = self._kept.get(position)
        if kept is not None:
            return kept
        length = self._lengths[position]
        found = os.pread(self._descriptor, length, self._offsets[position])
        if len(found) != length:
            raise OSError(f"{self._path}: was cut short while it was used")
        return found

    def positions(self) -> Iterator[int]:
        """Yield the positions of the units that have a result, in their order."""
        return (position for position, end in enumerate(self._ends) if end)

    def left(self) -> Iterator[int]:
        """Yield the positions of the units that have none."""
        return (position for position, end in enumerate(self._ends) if not end)

    def outcome(self, position: int) -> Outcome:
        """Return how a unit ended; KeyError when it did not."""
        if position not in self:
            raise KeyError(position)
        return _OUTCOMES[self._ends[position] % _KNOWN - 1]

    def known(self, position: int) -> bool:
        """Return whether how a unit ended is known and excused."""
        return self._ends[position] >= _KNOWN

    def summary(self) -> dict[str, int]:
        """Return how many results there are of each outcome."""
        counts = Counter(end % _KNOWN for end in self._ends)
        return {str(outcome): counts[number] for number, outcome in enumerate(_OUTCOMES, 1)}

    def apart(self, positions: Iterator[int] | None = None) -> dict[str, int]:
        """Return how many results there are of each outcome, those that are known apart, as `known`.

        All are counted, or those at the given positions.
        """
        ends = self._ends if positions is None else (self._ends[position] for position in positions)
        counts = Counter(_KNOWN if end >= _KNOWN else end for end in ends)
        return {**{str(name): counts[number] for number, name in enumerate(_OUTCOMES, 1)}, "known": counts[_KNOWN]}


@contextmanager
def opened(path: Path, units: Sequence[Unit], *, trace: bool) -> Iterator[Results]:
    """Keep results in a file for the length of a `with`; those of the same units that it holds already are there.

    A last line that is not whole is dropped. Raises UsageError for a file that holds anything else.
    """
    results = Results(units, trace=trace, path=path)
    try:
        results._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        results._fail(error)
    try:
        if results._descriptor >= 0:
            _read(results, path)
        yield results
    finally:
        if results._descriptor >= 0:
            os.close(results._descriptor)


def _read(results: Results, path: Path) -> None:
    """Note the results that a file holds already, and cut off a last line that is not whole."""
    if not path.is_file():
        return
    size = path.stat().st_size
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            found = _record(line) if line.endswith(b"\n") else None
            if found is None and file.tell() == size:
                break
            if found is None or not _is_of(found, results.units):
                raise UsageError(
                    f"{path}:{number}: not a result of what is selected",
                    hint="the file is damaged, or lazymmu selects something else now: run it anew",
                )
            position, outcome, known = found[NUMBER], Outcome(found["outcome"]), bool(found.get("known"))
            length = len(line) - 1
            results._note(position, outcome, known=known, release=found["release"], length=length)
    if results._end != size:
        os.ftruncate(results._descriptor, results._end)


def _record(line: bytes) -> dict[str, Any] | None:
    """Return what a line holds, None when it is not a result."""
    try:
        found = json.loads(line)
        Outcome(found["outcome"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("release"), str) else None


def _is_of(found: dict[str, Any], units: Sequence[Unit]) -> bool:
    """Return whether a record is of the unit whose number it has."""
    number = found.get(NUMBER)
    if not isinstance(number, int) or not 0 <= number < len(units):
        return False
    unit = units[number]
    keys = ("scenario", "case", "arch", "api", "impl", "kernel", "repetition")
    under = (unit.arch, unit.api, unit.impl, unit.kernel, unit.repetition)
    return (unit.scenario.name, dict(unit.values), *under) == tuple(found.get(key) for key in keys)
