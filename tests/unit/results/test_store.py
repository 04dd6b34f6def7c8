# SPDX-License-Identifier: GPL-2.0-only
"""Results are written as they come and read again as they were, whatever becomes of the process or of the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lazymmu.reports.json import run_document
from lazymmu.results import store
from lazymmu.results.result import Difference, Outcome, Result, Unit
from lazymmu.support.errors import Place, UsageError
from lazymmu.support.project import ROOT
from msgspec.structs import replace

from tests.unit import runs
from tests.unit.reports.test_junit import EVERY, HOSTILE


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'harness'}:{ROOT}"}


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Unit, ...]:
    return runs.selected(tmp_path_factory.mktemp("library"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / store.SPOOL


def whole(text: str) -> str:
    """Return the text with a high and a low half of a surrogate pair side by side as the character that they make.

    JSON cannot tell the two apart, and no decoder of ours leaves such halves.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


TEXTS = HOSTILE.map(whole)
PLACES = st.none() | st.builds(Place, TEXTS, st.integers(0), st.integers(0))
DIFFERENCES = st.lists(st.builds(Difference, TEXTS, st.dictionaries(TEXTS, TEXTS), PLACES)).map(tuple)


@example(text=whole(EVERY), differences=(), seconds=1 / 3, position=2**40, repetition=None, traced=True)
@given(
    text=TEXTS,
    differences=DIFFERENCES,
    seconds=st.floats(0, 1e6),
    position=st.integers(0, 2**40),
    repetition=st.none() | st.integers(1),
    traced=st.booleans(),
)
def test_a_result_is_read_again_as_it_was(
    units: tuple[Unit, ...],
    text: str,
    differences: tuple[Difference, ...],
    seconds: float,
    position: int,
    repetition: int | None,
    *,
    traced: bool,
) -> None:
    for unit, outcome in zip(units, [*Outcome] * 2, strict=True):
        result = replace(
            runs.result(replace(unit, repetition=repetition), outcome, text, text),
            release=text,
            differences=differences,
            seconds=seconds,
            position=position,
            known=text,
        )
        line = json.dumps(result.to_json(trace=True))
        assert Result.from_json(json.loads(line), result.unit) == result
        # What the reports do not show is not written either: steps of what did not fail, unless they are asked for.
        kept = store.Results([result.unit], trace=traced)
        kept.add(0, result)
        assert (kept[0] == result) is (traced or outcome is Outcome.FAIL)
        assert replace(kept[0], predicted=None, observed=None) == replace(result, predicted=None, observed=None)


def some(units: Sequence[Unit], numbers: Sequence[int]) -> list[tuple[int, Result]]:
    """Return results that differ from each other, and their positions."""
    outcomes = [*Outcome]
    return [(number, runs.result(units[number], outcomes[number % 4], f"why {number}")) for number in numbers]


def test_results_come_in_any_order_and_are_read_in_that_of_the_units(units: tuple[Unit, ...], path: Path) -> None:
    with store.opened(path, units, trace=True) as results:
        for count, (position, result) in enumerate(some(units, [5, 0, 3]), 1):
            results.add(position, result)
            # Each is in the file at once.
            assert len(path.read_bytes().splitlines()) == len(results) == count
        assert list(results.positions()) == [0, 3, 5]
        assert list(results.left()) == [1, 2, 4, 6, 7]
        assert list(results) == [result for _, result in sorted(some(units, [5, 0, 3]))]
        assert results.summary() == {"pass": 1, "fail": 1, "error": 0, "skip": 1}
        assert [line["number"] for line in map(json.loads, path.read_bytes().splitlines())] == [5, 0, 3]


def test_what_a_file_holds_is_there_again(units: tuple[Unit, ...], path: Path) -> None:
    with store.opened(path, units, trace=True) as results:
        for position, result in some(units, [5, 0, 3]):
            results.add(position, replace(result, known="bug 7" if position == 3 else ""))
    with store.opened(path, units, trace=True) as again:
        assert [again.known(position) for position in again.positions()] == [False, True, False]
        assert again.apart() == {"pass": 1, "fail": 1, "error": 0, "skip": 0, "known": 1}
        assert again.releases == {"6.12.0-test"}
        for position, result in some(units, [1, 2, 4, 6, 7]):
            again.add(position, result)
        assert [result.unit for result in again] == list(units)
        assert not list(again.left())


@pytest.mark.parametrize("torn", [b'{"number": 5, "scen', b"\0" * 100, b"\0" * 100 + b"\n", b"\xff\n"])
def test_a_last_line_that_is_not_whole_is_dropped(units: tuple[Unit, ...], path: Path, torn: bytes) -> None:
    with store.opened(path, units, trace=True) as results:
        for position, result in some(units, [5, 0]):
            results.add(position, result)
    whole = path.read_bytes()
    path.write_bytes(whole + torn)
    with store.opened(path, units, trace=True) as again:
        assert list(again.positions()) == [0, 5]
        assert path.read_bytes() == whole
        for position, result in some(units, [1]):
            again.add(position, result)
        assert again[1] == some(units, [1])[0][1]
    with store.opened(path, units, trace=True) as once_more:
        assert list(once_more.positions()) == [0, 1, 5]


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ('"number":0', '"number":1'),
        ('"number":0', '"number":8'),
        ('"number":0', '"number":-1'),
        ('"scenario":"nesting/deep"', '"scenario":"nesting/plain"'),
        ('"depth":1', '"depth":2'),
        ('"arch":"arm64"', '"arch":"s390x"'),
        ('"outcome":"pass"', '"outcome":"passed"'),
        ('{"number":0', '"number":0'),
    ],
)
def test_a_file_of_something_else_is_refused_with_its_line(
    units: tuple[Unit, ...], path: Path, there: str, instead: str
) -> None:
    with store.opened(path, units, trace=False) as results:
        for position, result in some(units, [5, 0, 3]):
            results.add(position, result)
    text = path.read_text()
    assert there in text.splitlines()[1]
    first, line, last = text.splitlines(keepends=True)
    path.write_text(first + line.replace(there, instead) + last)
    with (
        pytest.raises(UsageError, match=f"{store.SPOOL}:2: not a result of what"),
        store.opened(path, units, trace=False),
    ):
        pass


def test_a_full_disk_costs_no_result_and_is_told_once(units: tuple[Unit, ...], path: Path) -> None:
    # Every write to this device ends as on a full disk.
    path.symlink_to("/dev/full")
    with store.opened(path, units, trace=True) as results:
        for position, result in some(units, [5, 0, 3]):
            results.add(position, result)
        assert list(results) == [result for _, result in sorted(some(units, [5, 0, 3]))]
        assert "no space left in " in str(results.failure)
        assert "--out DIR" in str(results.failure)


def test_a_disk_that_fills_up_keeps_whole_lines_only(units: tuple[Unit, ...], path: Path) -> None:
    program = """
import resource, signal, sys
from pathlib import Path
from lazymmu.results import store as spool
from tests.unit import runs
from tests.unit.results.test_store import some
units = runs.selected(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
with spool.opened(Path(sys.argv[2]), units, trace=True) as results:
    for position, result in some(units, range(8)):
        results.add(position, result)
    assert list(results) == [result for _, result in some(units, range(8))]
    print(results.failure)
"""
    command = [sys.executable, "-c", program, str(path.parent / "library"), str(path)]
    done = subprocess.run(
        command,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{path} could not be written: File too large" in done.stdout
    lines = path.read_bytes().splitlines(keepends=True)
    assert 0 < len(lines) < 8
    assert [json.loads(line)["number"] for line in lines] == list(range(len(lines)))


KILLED = """
import os, sys
from pathlib import Path
from lazymmu.results import store as spool
from tests.unit import runs
from tests.unit.results.test_store import some
units = runs.selected(Path(sys.argv[1]))
with spool.opened(Path(sys.argv[2]), units, trace=True) as results:
    for position, result in some(units, [5, 0, 3]):
        results.add(position, result)
    os.kill(os.getpid(), 9)
"""


def test_a_killed_process_loses_nothing_that_it_was_told(units: tuple[Unit, ...], path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(path.parent / "library"), str(path)]
    subprocess.run(command, env=environment(), check=False)
    with store.opened(path, units, trace=True) as results:
        assert list(results.positions()) == [0, 3, 5]


def test_memory_does_not_grow_with_what_results_hold(units: tuple[Unit, ...], path: Path) -> None:
    many = [replace(units[0], repetition=number) for number in range(1, 2001)]
    long = "x" * 10_000
    with store.opened(path, many, trace=True) as results:
        run = replace(runs.finished(units, []), results=results)
        tracemalloc.start()
        try:
            for position, unit in enumerate(many):
                results.add(position, runs.result(unit, Outcome.FAIL, f"{position}", long))
            assert sum(len(part) for part in run_document(run)) > 2000 * len(long)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 1_000_000
