# SPDX-License-Identifier: GPL-2.0-only
"""Results are stored as they come and can be read again, even if the process is killed or the disk is full."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lazymmu.results import store
from lazymmu.results.result import RAW_OUTCOMES, Difference, Outcome, Result, Unit
from lazymmu.support.errors import Place, UsageError
from msgspec.structs import replace

from tests.unit import runs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / store.FILE


def some(units: Sequence[Unit], numbers: Iterable[int]) -> list[Result]:
    """Return results that differ from each other."""
    return [runs.result(units[number], RAW_OUTCOMES[number % 4], f"why {number}") for number in numbers]


def fill(path: Path, units: Sequence[Unit], numbers: Iterable[int]) -> None:
    with store.opened(path, units, trace=True) as results:
        for result in some(units, numbers):
            results.add(result)


TEXTS = st.text(st.characters(codec="utf-8"))


@example(text=runs.HOSTILE, part=Difference("x", {}), seconds=1 / 3, repetition=None)
@given(
    text=runs.HOSTILE_TEXTS,
    part=st.builds(Difference, TEXTS, st.dictionaries(TEXTS, TEXTS), st.none() | st.just(Place("a.yaml", 3, 5))),
    seconds=st.floats(0, 1e6),
    repetition=st.none() | st.integers(1, 9),
)
def test_the_json_form_of_a_result_can_be_read_again(
    units: tuple[Unit, ...], text: str, part: Difference, seconds: float, repetition: int | None
) -> None:
    for unit, outcome in zip(units, [*RAW_OUTCOMES] * 2, strict=True):
        made = Result.of(
            replace(unit, repetition=repetition),
            outcome,
            text,
            details=text,
            parts=(part,),
            seconds=seconds,
            predicted=runs.result(unit, "pass").predicted,
            known="bug 7",
        )
        line = msgspec.json.encode(made)
        assert msgspec.json.decode(line, type=Result) == made
        assert json.loads(line)["outcome"] == outcome


def test_a_result_has_the_keys_of_the_documents(units: tuple[Unit, ...]) -> None:
    keys = {
        *("number", "scenario", "case", "arch", "api", "impl", "kernel", "release", "outcome", "reason"),
        *("observed", "predicted", "seconds", "differences", "details", "position"),
    }
    assert set(json.loads(msgspec.json.encode(runs.result(units[0], "pass")))) == keys
    failure = replace(runs.result(replace(units[0], repetition=2), "fail", "x"), known="bug 7")
    assert set(json.loads(msgspec.json.encode(failure))) == {*keys, "parts", "steps", "repetition", "known"}


def test_results_come_in_any_order_and_are_read_in_the_order_of_the_units(units: tuple[Unit, ...], path: Path) -> None:
    with store.opened(path, units, trace=True) as results:
        for count, result in enumerate(some(units, [5, 0, 3]), 1):
            results.add(result)
            # Each is in the file at once.
            assert len(path.read_bytes().splitlines()) == len(results) == count
        assert [result.reason for result in results] == ["why 0", "why 3", "why 5"]
        assert [row.number for row in results.rows() if row.outcome is None] == [1, 2, 4, 6, 7]
        assert results.summary() == {"pass": 1, "fail": 1, "error": 0, "skip": 1}
        lines = [json.loads(line) for line in results.lines()]
    assert sorted(map(json.loads, path.read_bytes().splitlines()), key=lambda line: line["number"]) == lines


@pytest.mark.parametrize("trace", [False, True])
def test_steps_are_written_for_failures_or_if_they_are_asked_for_and_kept_for_nothing(
    units: tuple[Unit, ...], trace: bool
) -> None:
    results = store.ResultStore(units, trace=trace)
    for result in some(units, range(4)):
        results.add(result)
    with_steps = [("steps" in json.loads(line)["predicted"]) for line in results.lines()]
    assert with_steps == [trace, True, trace, trace]
    passed, *others = [result.predicted and result.predicted.to_json(steps=True) for result in results]
    assert passed is None
    assert all(kept and "steps" not in kept for kept in others)


@pytest.mark.parametrize(("outcome", "trace"), [("fail", False), ("pass", True)])
def test_a_trace_in_which_nothing_ran_has_an_empty_list_of_steps(
    units: tuple[Unit, ...], outcome: str, trace: bool
) -> None:
    result = runs.result(units[0], outcome)
    assert result.observed is not None
    results = store.ResultStore(units, trace=trace)
    results.add(replace(result, observed=replace(result.observed, steps=())))
    assert [json.loads(line)["observed"]["steps"] for line in results.lines()] == [[]]


def test_a_known_failure_is_an_outcome_of_its_own_and_keeps_its_raw_outcome_in_documents(
    units: tuple[Unit, ...], path: Path
) -> None:
    with store.opened(path, units, trace=False) as results:
        results.add(replace(some(units, [1])[0], known="bug 7"))
        results.add(some(units, [0])[0])
    with store.opened(path, units, trace=False) as again:
        assert [result.outcome for result in again] == [Outcome.PASS, Outcome.KNOWN]
        assert again.counts() == {"pass": 1, "fail": 0, "error": 0, "skip": 0, "known": 1}
        assert again.summary() == {"pass": 1, "fail": 1, "error": 0, "skip": 0}
        assert again.releases == ["6.12.0-test"]
        assert [json.loads(line)["outcome"] for line in again.lines()] == ["pass", "fail"]


@pytest.mark.parametrize("torn", [b'{"number": 5, "scen', b"\0" * 100, b"\0" * 100 + b"\n", b"\xff\n"])
def test_an_incomplete_last_line_is_dropped(units: tuple[Unit, ...], path: Path, torn: bytes) -> None:
    fill(path, units, [5, 0])
    complete = path.read_bytes()
    path.write_bytes(complete + torn)
    with store.opened(path, units, trace=True) as again:
        assert [result.number for result in again] == [0, 5]
        assert path.read_bytes() == complete
        again.add(some(units, [1])[0])
    with store.opened(path, units, trace=True) as once_more:
        assert [result.number for result in once_more] == [0, 1, 5]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"number":0', '"number":1'),
        ('"number":0', '"number":8'),
        ('"number":0', '"number":-1'),
        ('"scenario":"nesting/deep"', '"scenario":"nesting/plain"'),
        ('"depth":1', '"depth":2'),
        ('"arch":"arm64"', '"arch":"s390x"'),
        ('"kernel":"lts"', '"kernel":"current"'),
        ('"impl":"module"', '"impl":"native"'),
        ('"outcome":"pass"', '"outcome":"passed"'),
        ('{"scenario":', '"scenario":'),
    ],
)
def test_a_line_that_is_not_a_result_of_the_selection_is_refused_with_its_number(
    units: tuple[Unit, ...], path: Path, old: str, new: str
) -> None:
    fill(path, units, [5, 0, 3])
    first, line, last = path.read_text().splitlines(keepends=True)
    assert old in line
    path.write_text(first + line.replace(old, new) + last)
    with (
        pytest.raises(UsageError, match=f"{store.FILE}:2: not a result of what is selected"),
        store.opened(path, units, trace=False),
    ):
        pass


def test_a_full_disk_costs_no_result(units: tuple[Unit, ...], path: Path) -> None:
    # Every write to this device fails as on a full disk.
    path.symlink_to("/dev/full")
    with store.opened(path, units, trace=True) as results:
        for result in some(units, [5, 0, 3]):
            results.add(result)
        assert [json.loads(line)["number"] for line in results.lines()] == [0, 3, 5]
        assert "no space left in " in str(results.failure)
        assert "--out DIR" in str(results.failure)
