# SPDX-License-Identifier: GPL-2.0-only
"""Stores the results of a run as they come: each is one line of JSON in `results.jsonl`, and a summary in memory.

A killed process loses at most the line that it was writing; `opened` reads the others again.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec.structs import replace

from lazymmu.results.result import RAW_OUTCOMES, Outcome, Result, SavedUnit, Unit
from lazymmu.support import disk
from lazymmu.support.errors import LazymmuError, UsageError

#: The name of the file in a results folder.
FILE = "results.jsonl"

#: Another way out if the folder cannot be written.
HINT = "let --out DIR name another folder"
_DECODER = msgspec.json.Decoder(Result)


class ResultStore:
    """The results of `units` so far, by `Unit.index`.

    One thread at a time may call `add`. Without a file, or if the file cannot be written (`failure` is then the
    error), lines are kept in memory: a full disk must not cost a verdict.
    """

    def __init__(self, units: Sequence[Unit | SavedUnit], *, trace: bool = False, path: Path | None = None) -> None:
        """Store the results of these units; `trace`: with the steps of every trace, not only of failures."""
        self.units = units
        self.failure: LazymmuError | None = None
        self._trace = trace
        self._path = path
        self._descriptor = -1
        self._end = 0
        self._units: dict[int, Unit | SavedUnit] = {}
        self._results: dict[int, Result] = {}
        #: Line, or where the file has it: offset and length.
        self._lines: dict[int, bytes | tuple[int, int]] = {}

    def add(self, result: Result) -> None:
        """Store a result; it is in the file when this returns."""
        if not self._trace and result.raw_outcome is not Outcome.FAIL:
            result = result.without_steps()
        self.add_line(result, msgspec.json.encode(result))

    def add_line(self, result: Result, line: bytes) -> None:
        """Store a result that is as it was stored before, as this line."""
        self._note(result, (self._end, len(line)) if self._write(line + b"\n") else line)

    def _note(self, result: Result, line: bytes | tuple[int, int]) -> None:
        # The JSON document has the lines. Other reports need no steps, and no traces of a pass.
        passed = result.outcome is Outcome.PASS
        short = replace(result, predicted=None, observed=None) if passed else result.without_steps()
        self._results[result.number] = short
        self._lines[result.number] = line
        if isinstance(line, tuple):
            self._end += line[1] + 1

    def _write(self, line: bytes) -> bool:
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
        """Write no more; what the file has can still be read."""
        assert self._path is not None  # noqa: S101  (nothing is written without one)
        refusal = disk.refusal(error, self._path.parent, hint=HINT)
        self.failure = refusal or LazymmuError(f"{self._path} could not be written: {error.strerror}", hint=HINT)
        if self._descriptor >= 0:
            # Remove half a line.
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._end)

    def __len__(self) -> int:
        return len(self._results)

    def __contains__(self, index: object) -> bool:
        return index in self._results

    def __iter__(self) -> Iterator[Result]:
        """Yield the results in the order of the units, without steps, and passes without traces."""
        return (self._results[index] for index in sorted(self._results))

    def __getitem__(self, index: int) -> Result:
        """Return the result of a unit, without steps, and a pass without traces. Raises KeyError if there is none."""
        return self._results[index]

    def lines(self) -> Iterator[bytes]:
        """Return each result in its JSON form, in the order of the units."""
        return map(self._line, sorted(self._lines))

    def whole(self, index: int) -> Result:
        """Return the result of a unit with the steps that the file has. Raises KeyError if there is none."""
        return _DECODER.decode(self._line(index))

    def _line(self, index: int) -> bytes:
        line = self._lines[index]
        if isinstance(line, tuple):
            offset, length = line
            line = os.pread(self._descriptor, length, offset)
            if len(line) != length:
                raise OSError(f"{self._path}: was truncated while the run used it")
        return line

    def unit(self, index: int) -> Unit | SavedUnit:
        """Return the unit with this `Unit.index`. Raises KeyError if there is none."""
        if len(self._units) != len(self.units):
            self._units = {unit.index: unit for unit in self.units}
        return self._units[index]

    def unfinished(self) -> list[Unit | SavedUnit]:
        """Return the units without a result."""
        return [unit for unit in self.units if unit.index not in self._results]

    @property
    def releases(self) -> list[str]:
        """What `uname -r` says in the guests, each once, sorted."""
        return sorted({result.release for result in self._results.values()} - {""})

    def summary(self) -> dict[str, int]:
        """Return the number of results of each outcome before --known."""
        counts = Counter(result.raw_outcome for result in self._results.values())
        return {str(outcome): counts[outcome] for outcome in RAW_OUTCOMES}

    def counts(self) -> dict[str, int]:
        """Return the number of results of each outcome, `known` among them."""
        counts = Counter(result.outcome for result in self._results.values())
        return {str(outcome): counts[outcome] for outcome in Outcome}


@contextmanager
def opened(path: Path, units: Sequence[Unit | SavedUnit], *, trace: bool) -> Iterator[ResultStore]:
    """Store results in a file for the length of a `with`, beside those of the same units that it has.

    An incomplete last line is dropped. Raises UsageError if the file has anything else.
    """
    store = ResultStore(units, trace=trace, path=path)
    try:
        store._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        store._fail(error)
    try:
        if store._descriptor >= 0:
            _read(store, path)
        yield store
    finally:
        if store._descriptor >= 0:
            os.close(store._descriptor)


def _read(store: ResultStore, path: Path) -> None:
    """Note the results that a file has, and cut off an incomplete last line."""
    if not path.is_file():
        return
    size = path.stat().st_size
    units = {unit.index: unit for unit in store.units}
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                result = _DECODER.decode(line) if line.endswith(b"\n") else None
            except (msgspec.DecodeError, RecursionError):
                result = None
            if result is None and file.tell() == size:
                break
            unit = units.get(result.number) if result is not None else None
            if not (result and unit and (result.label(), result.values) == (unit.label(), unit.values)):
                raise UsageError(
                    f"{path}:{number}: not a result of what is selected",
                    hint="the file is damaged, or lazymmu now selects something else: start a new run",
                )
            store._note(result, (store._end, len(line) - 1))
    if store._end != size:
        os.ftruncate(store._descriptor, store._end)
