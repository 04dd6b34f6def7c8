# SPDX-License-Identifier: GPL-2.0-only
"""Stores the results of a run as they come: each is one line of JSON in `results.jsonl`, and some bytes in memory.

A killed process loses at most the line that it was writing; `opened` reads the others again. Reports read each result
from the file when they need it, so that the memory of a run does not grow with what its results say.
"""

import os
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import field
from msgspec.structs import replace

from lazymmu.results.result import RAW_OUTCOMES, Named, Outcome, Result, SavedUnit, Unit
from lazymmu.subject.case import Scenario
from lazymmu.subject.trace import Trace
from lazymmu.support import disk
from lazymmu.support.errors import LazymmuError, UsageError

#: The name of the file in a results folder.
FILE = "results.jsonl"

#: Another way out if the folder cannot be written.
HINT = "let --out DIR name another folder"


class Cell(NamedTuple):
    """The units of a scenario that test the same on the same machine."""

    scenario_name: str
    under_test: str
    machine: str
    arch: str


class Row(NamedTuple):
    """A unit in the index of a store."""

    #: `Unit.index`.
    number: int
    cell: Cell
    #: None while it has no result.
    outcome: Outcome | None


class _Passed(Result, frozen=True, kw_only=True, omit_defaults=True):
    """A result that is read without its traces: no line has these names."""

    observed: Trace | None = field(default=None, name="not read: observed")
    predicted: Trace | None = field(default=None, name="not read: predicted")


class _State(NamedTuple):
    """What the index has of a result."""

    raw_outcome: Outcome
    outcome: Outcome
    is_flaky: bool


#: By number; 0 is a unit without a result.
_STATES = (
    None,
    *(_State(raw, one, flaky) for raw in RAW_OUTCOMES for one in (raw, Outcome.KNOWN) for flaky in (False, True)),
)
_NUMBERS = {state: number for number, state in enumerate(_STATES)}
_DECODER = msgspec.json.Decoder(Result)
_PASSED = msgspec.json.Decoder(_Passed)
_UNIT = msgspec.json.Decoder(SavedUnit)


class ResultStore:
    """The results of `units` so far, by `Unit.index`.

    One thread at a time may call `add`. Without a file, or if the file cannot be written (`failure` is then the
    error), lines are kept in memory: a full disk must not cost a verdict.
    """

    def __init__(
        self,
        units: Collection[Unit | SavedUnit],
        *,
        trace: bool = False,
        path: Path | None = None,
        paths: Mapping[str, str] | None = None,
    ) -> None:
        """Store the results of these units; `trace`: with the steps of every trace, not only of failures.

        Results of others may be added, too. Their units are read from their lines; `paths` has the files of scenarios.
        """
        self.failure: LazymmuError | None = None
        self._trace = trace
        self._path = path
        self._paths = paths or {}
        self._descriptor = -1
        self._end = 0
        self._units: dict[int, Unit | SavedUnit] = {}
        self._releases: set[str] = set()
        #: Each cell once, and its number, from 1.
        self._cells: list[Cell] = []
        self._codes: dict[Cell, int] = {}
        #: Lines that are not in the file.
        self._lines: dict[int, bytes] = {}
        # For each unit: the numbers of its cell (from 1) and of its state, and the place of its line in the file.
        self._cell_of, self._state_of = array("I"), bytearray()
        self._offsets, self._lengths = array("Q"), array("I")
        for unit in units:
            self.add_unit(unit)

    def add_unit(self, unit: Unit | SavedUnit) -> None:
        """Select a unit."""
        self._units[unit.index] = unit
        self._index(unit.index, unit)

    def add(self, result: Result) -> None:
        """Store a result; it is in the file when this returns."""
        if not self._trace and result.raw_outcome is not Outcome.FAIL:
            result = result.without_steps()
        if isinstance(result, _Passed):
            result = msgspec.convert(result, Result, from_attributes=True)
        self.add_line(result, msgspec.json.encode(result))

    def add_line(self, result: Result, line: bytes) -> None:
        """Store a result that is as it was stored before, as this line."""
        offset = self._end
        is_written = self._write(line + b"\n")
        self._note(result, offset, len(line) if is_written else 0)
        if not is_written:
            self._lines[result.number] = line

    def _index(self, number: int, unit: Named) -> None:
        """Add a unit to the index."""
        if (missing := number + 1 - len(self._cell_of)) > 0:
            self._state_of.extend(bytes(missing))
            for some in (self._cell_of, self._offsets, self._lengths):
                some.frombytes(bytes(missing * some.itemsize))
        cell = Cell(unit.scenario_name, unit.under_test(), unit.machine, unit.arch)
        if (code := self._codes.setdefault(cell, len(self._cells) + 1)) > len(self._cells):
            self._cells.append(cell)
        self._cell_of[number] = code

    def _note(self, result: Result, offset: int, length: int) -> None:
        """Add a result to the index; its line is in the file unless it has no length."""
        number = result.number
        if not (number < len(self._cell_of) and self._cell_of[number]):
            self._index(number, result)
        self._state_of[number] = _NUMBERS[_State(result.raw_outcome, result.outcome, result.flaky)]
        self._offsets[number], self._lengths[number] = offset, length
        if length:
            self._end = offset + length + 1
        if result.release:
            self._releases.add(result.release)

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
        return len(self._state_of) - self._state_of.count(0)

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and 0 <= index < len(self._state_of) and bool(self._state_of[index])

    def __iter__(self) -> Iterator[Result]:
        """Read the results in the order of the units, without steps, and passes without traces."""
        return (self[number] for number, state in enumerate(self._state_of) if state)

    def __getitem__(self, index: int) -> Result:
        """Read the result of a unit, without steps, and a pass without traces. Raises KeyError if there is none."""
        line = self._line(index)
        is_pass = self.row(index).outcome is Outcome.PASS
        return _PASSED.decode(line) if is_pass else _DECODER.decode(line).without_steps()

    def lines(self) -> Iterator[bytes]:
        """Read each result in its JSON form, in the order of the units."""
        return (self._line(number) for number, state in enumerate(self._state_of) if state)

    def whole(self, index: int) -> Result:
        """Read the result of a unit with the steps that the file has. Raises KeyError if there is none."""
        return _DECODER.decode(self._line(index))

    def _line(self, index: int) -> bytes:
        if index not in self:
            raise KeyError(index)
        if not (length := self._lengths[index]):
            return self._lines[index]
        line = os.pread(self._descriptor, length, self._offsets[index])
        if len(line) != length:
            raise LazymmuError(f"{self._path}: was truncated while the run used it")
        return line

    @property
    def selected(self) -> int:
        """How many units there are."""
        return len(self._cell_of) - self._cell_of.count(0)

    @property
    def cells(self) -> Sequence[Cell]:
        """The cells of all units, in the order of the units."""
        return self._cells

    @property
    def machines(self) -> list[str]:
        """The names of the machines of all units, in the order of the units."""
        return list(dict.fromkeys(cell.machine for cell in self._cells))

    @property
    def scenarios(self) -> dict[str, Scenario]:
        """The scenarios of the units by name; of units in documents there are none."""
        return {unit.scenario.name: unit.scenario for unit in self._units.values() if isinstance(unit, Unit)}

    @property
    def is_complete(self) -> bool:
        """True if every unit has a result."""
        return len(self) == self.selected

    def rows(self, cells: Collection[Cell] | None = None) -> Iterator[Row]:
        """Yield a row for each unit of these cells, or for each unit, in the order of the units."""
        outcomes = [state and state.outcome for state in _STATES]
        wanted = [None, *(cell if cells is None or cell in cells else None for cell in self._cells)]
        for number, (code, state) in enumerate(zip(self._cell_of, self._state_of, strict=True)):
            if (cell := wanted[code]) is not None:
                yield Row(number, cell, outcomes[state])

    def row(self, number: int) -> Row:
        """Return the row of a unit that there is."""
        state = _STATES[self._state_of[number]]
        return Row(number, self._cells[self._cell_of[number] - 1], state and state.outcome)

    def unit(self, index: int) -> Unit | SavedUnit:
        """Return the unit with this `Unit.index`. Raises KeyError if there is none."""
        if (given := self._units.get(index)) is not None:
            return given
        unit = _UNIT.decode(self._line(index))
        return replace(unit, path=self._paths.get(unit.scenario_name, ""))

    @property
    def releases(self) -> list[str]:
        """What `uname -r` says in the guests, each once, sorted."""
        return sorted(self._releases)

    @property
    def flaky(self) -> int:
        """The number of flaky results."""
        return sum(number for state, number in self._states() if state.is_flaky)

    def summary(self) -> dict[str, int]:
        """Return the number of results of each outcome before --known."""
        counts = dict.fromkeys(RAW_OUTCOMES, 0)
        for state, number in self._states():
            counts[state.raw_outcome] += number
        return {str(outcome): number for outcome, number in counts.items()}

    def counts(self) -> dict[str, int]:
        """Return the number of results of each outcome, `known` among them."""
        counts = dict.fromkeys(Outcome, 0)
        for state, number in self._states():
            counts[state.outcome] += number
        return {str(outcome): number for outcome, number in counts.items()}

    def _states(self) -> Iterator[tuple[_State, int]]:
        """Yield each state that results have, and how many have it."""
        for code, number in Counter(self._state_of).items():
            if (state := _STATES[code]) is not None:
                yield state, number


@contextmanager
def opened(
    path: Path, units: Collection[Unit | SavedUnit], *, trace: bool, paths: Mapping[str, str] | None = None
) -> Iterator[ResultStore]:
    """Store results in a file for the length of a `with`, beside those of the same units that it has.

    An incomplete last line is dropped. Raises UsageError if the file has anything else.
    """
    store = ResultStore(units, trace=trace, path=path, paths=paths)
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
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                result = _DECODER.decode(line) if line.endswith(b"\n") else None
            except (msgspec.DecodeError, RecursionError):
                result = None
            if result is None and file.tell() == size:
                break
            unit = store._units.get(result.number) if result is not None else None
            if not (result and unit and (result.label(), result.values) == (unit.label(), unit.values)):
                raise UsageError(
                    f"{path}:{number}: not a result of what is selected",
                    hint="the file is damaged, or lazymmu now selects something else: start a new run",
                )
            store._note(result, store._end, len(line) - 1)
    if store._end != size:
        os.ftruncate(store._descriptor, store._end)
