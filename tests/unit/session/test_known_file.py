# SPDX-License-Identifier: GPL-2.0-only
"""Known failures: read as strictly as a scenario, excusing what they name and nothing else, and never for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.results.known_issues import CheckedIssue, KnownIssue, State, checked, excused
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.results.store import ResultStore
from lazymmu.session import known_file
from lazymmu.session.run import exit_status
from lazymmu.support.errors import ScenarioError
from lazymmu.support.project import LIBRARY
from msgspec.structs import replace

from tests.unit import runs

TODAY = date(2026, 11, 22)
GOOD = "reason: bug 7, expires: 2026-11-22"


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Unit, ...]:
    return runs.selected(tmp_path_factory.mktemp("library"))


@pytest.fixture
def entries(tmp_path: Path, units: tuple[Unit, ...]) -> Callable[[str], tuple[KnownIssue, ...]]:
    """Return a function that reads the text of a file of known failures."""

    def read(text: str) -> tuple[KnownIssue, ...]:
        path = tmp_path / "known.yaml"
        path.write_text(text)
        return known_file.load(str(path), LIBRARY, units)

    return read


Read = Callable[[str], tuple[KnownIssue, ...]]


def results(units: tuple[Unit, ...], bad: dict[int, str]) -> list[Result]:
    """Return results that pass but for these."""
    return [runs.result(unit, Outcome(bad.get(number, "pass")), "why") for number, unit in enumerate(units)]


def judged(
    entries: Sequence[KnownIssue], units: tuple[Unit, ...], results: Sequence[Result], today: date
) -> tuple[ResultStore, list[CheckedIssue]]:
    """Return the results as a run keeps them, and what became of the entries."""
    store = runs.store(units, [excused(entries, units[result.number], result, today) for result in results])
    return store, checked(entries, store, today)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: no list of known failures in this file: it is empty"),
        ("a: b", "1:1: a file of known failures takes a list"),
        ("- 7", "1:3: a known failure takes a mapping with scenario, reason, expires, not `7`"),
        ("- {}", "1:3: a known failure is empty"),
        ("- {scenario: nesting/plain, expires: 2030-01-01}", "1:3: a known failure needs `reason`"),
        (f"- {{scenario: nesting/plian, {GOOD}}}", "1:14: no scenario `nesting/plian` (did you mean `nesting/plain`?)"),
        (f"- {{scenario: 'nothing/*', {GOOD}}}", "1:14: no scenario `nothing/*`"),
        (f"- {{scenaro: nesting/plain, {GOOD}}}", "1:4: unknown key `scenaro` in a known failure (did you"),
        (f"- {{scenario: nesting/plain, arch: arm46, {GOOD}}}", "1:35: unknown name `arm46`"),
        (f"- {{scenario: nesting/plain, api: [v5], {GOOD}}}", "1:35: unknown name `v5` in `api`"),
        (f"- {{scenario: nesting/plain, outcome: pass, {GOOD}}}", "1:38: `outcome` takes fail or error"),
        (f"- {{scenario: nesting/plain, case: {{depth: 010}}, {GOOD}}}", "1:43: `010` is not an integer here"),
        (f"- {{scenario: nesting/plain, case: [], {GOOD}}}", "1:35: `case` takes values of `vary`"),
        ("- {scenario: nesting/plain, reason: x, expires: 2026-11-31}", "1:49: `2026-11-31` is no date: day"),
        ("- {scenario: nesting/plain, reason: x, expires: soon}", "1:49: `expires` takes a date as 2030-12-31, not"),
        ("- {scenario: nesting/plain, reason: '', expires: 2030-01-01}", "1:37: `reason` is empty"),
        ("- &a {scenario: x}", "1:3: anchors are not allowed here"),
        (f"- {{scenario: nesting/plain, scenario: nesting/deep, {GOOD}}}", "1:29: `scenario` is here twice"),
        ("--- []\n--- []", "2:1: a second document in this file: one file holds one list of known failures"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named_with_its_place(entries: Read, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        entries(text)
    assert f"{tmp_path}/known.yaml:{message}" in str(caught.value)
    assert caught.value.exit_status == 2


def test_all_mistakes_of_a_file_are_told_at_once(entries: Read) -> None:
    with pytest.raises(ScenarioError) as caught:
        entries(
            "- {scenario: nope, reason: x, expires: 2030-01-01}\n- {scenario: nesting/plain, reason: x, expires: no}\n"
        )
    assert len(caught.value.problems) == 2


def test_a_file_that_is_none_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "nesting/single", "--known", str(tmp_path)]) == 2
    assert f"{tmp_path}:1:1: not a known failures file: it is a directory" in capsys.readouterr().err
    assert main(["run", "nesting/single", "--known", str(tmp_path / "none.yaml")]) == 2


def test_an_empty_list_excuses_nothing(entries: Read, units: tuple[Unit, ...]) -> None:
    after, standings = judged(entries("[]"), units, results(units, {0: "fail"}), TODAY)
    assert [result.known for result in after] == [""] * runs.SIZE
    assert standings == []


def test_an_entry_excuses_what_it_names_and_the_run_passes(entries: Read, units: tuple[Unit, ...]) -> None:
    # Of nesting/deep, case depth 2 on arm64 is the third unit.
    (entry,) = entries(f"- {{scenario: nesting/deep, case: {{depth: 2}}, arch: arm64, api: [merged], {GOOD}}}")
    after, (standing,) = judged([entry], units, results(units, {2: "fail"}), TODAY)
    assert (standing.state, standing.is_broken) == (State.HOLDS, False)
    assert [bool(result.known) for result in after] == [number == 2 for number in range(runs.SIZE)]
    assert (after[2].raw_outcome, after[2].outcome, after[2].known) == (Outcome.FAIL, Outcome.KNOWN, "bug 7")
    assert exit_status(after.counts(), no_skip=False) == 0


@pytest.mark.parametrize("unit", [0, 1, 3, 4])
def test_another_case_architecture_or_scenario_is_not_excused(
    entries: Read, units: tuple[Unit, ...], unit: int
) -> None:
    listed = entries(f"- {{scenario: nesting/deep, case: {{depth: 2}}, arch: arm64, {GOOD}}}")
    after, _ = judged(listed, units, results(units, {2: "fail", unit: "fail"}), TODAY)
    assert not after[unit].known
    assert exit_status(after.counts(), no_skip=False) == 1


@pytest.mark.parametrize(("entry", "outcome", "status"), [("fail", "error", 3), ("error", "fail", 1)])
def test_a_failure_does_not_excuse_an_error_nor_an_error_a_failure(
    entries: Read, units: tuple[Unit, ...], entry: str, outcome: str, status: int
) -> None:
    listed = entries(f"- {{scenario: nesting/plain, outcome: {entry}, {GOOD}}}")
    after, (standing,) = judged(listed, units, results(units, {4: outcome, 5: outcome}), TODAY)
    assert standing.state is State.OPEN
    assert exit_status(after.counts(), no_skip=False) == status


def test_one_that_passes_is_named_and_fails_the_run(entries: Read, units: tuple[Unit, ...]) -> None:
    (entry,) = entries(f"\n- {{scenario: 'nesting/*', {GOOD}}}")
    after, (standing,) = judged([entry], units, results(units, {0: "fail", 1: "fail"}), TODAY)
    assert standing.state is State.PASSED
    assert standing.message.startswith("nesting/deep[depth=2] merged on arm64 and 3 more passed instead of fail")
    assert standing.is_broken
    assert str(entry.place).endswith("known.yaml:2:3")
    assert exit_status(after.counts(), no_skip=False, broken_entries=True) == 1


def test_an_entry_counts_on_its_last_day_and_not_on_the_next(entries: Read, units: tuple[Unit, ...]) -> None:
    listed = entries(f"- {{scenario: nesting/plain, {GOOD}}}")
    bad = results(units, {4: "fail", 5: "fail"})
    _, (last,) = judged(listed, units, bad, TODAY)
    after, (next_day,) = judged(listed, units, bad, date(2026, 11, 23))
    assert (last.state, next_day.state, next_day.is_broken) == (State.HOLDS, State.EXPIRED, True)
    assert not any(result.known for result in after)


def test_one_that_matches_nothing_selected_is_named_and_does_no_harm(entries: Read, units: tuple[Unit, ...]) -> None:
    # Expired too: a narrower run is not the place to say so.
    listed = entries("- {scenario: wrap/pause-and-back, reason: x, expires: 2020-01-01}")
    _, (standing,) = judged(listed, units, results(units, {}), TODAY)
    assert (standing.state, standing.is_broken) == (State.UNUSED, False)
    assert "matches nothing that was selected" in standing.message


def test_a_run_in_which_only_known_failures_are_passes_for_nothing(entries: Read, units: tuple[Unit, ...]) -> None:
    after, _ = judged(
        entries(f"- {{scenario: '*', {GOOD}}}"), units, results(units, dict.fromkeys(range(8), "fail")), TODAY
    )
    assert exit_status(after.counts(), no_skip=False) == 2


def test_what_fails_in_one_of_its_repetitions_is_no_unexpected_pass(entries: Read, units: tuple[Unit, ...]) -> None:
    twice = runs.numbered(replace(units[4], repetition=number) for number in (1, 2))
    (entry,) = entries(f"- {{scenario: nesting/plain, {GOOD}}}")
    _, (flaky,) = judged([entry], twice, results(twice, {1: "fail"}), TODAY)
    _, (steady,) = judged([entry], twice, results(twice, {}), TODAY)
    assert (flaky.state, steady.state) == (State.HOLDS, State.PASSED)


def test_true_is_not_one(entries: Read, units: tuple[Unit, ...]) -> None:
    _, (standing,) = judged(
        entries(f"- {{scenario: nesting/deep, case: {{depth: true}}, {GOOD}}}"), units, results(units, {}), TODAY
    )
    assert standing.state is State.UNUSED


def test_the_example_of_the_documents_is_read_as_they_say(entries: Read) -> None:
    document = (LIBRARY.parent / "docs" / "reports.md").read_text()
    (entry,) = entries(document.split("```yaml\n")[1].split("```")[0])
    assert (entry.scenario, entry.case, entry.outcome) == ("nesting/two-levels", {"depth": 3}, Outcome.FAIL)
    assert (entry.arches, entry.apis) == (frozenset({"arm64", "x86_64"}), frozenset({"merged"}))
    assert entry.expires == date(2030, 12, 31)


def test_an_entry_of_one_implementation_or_kernel_excuses_no_other(units: tuple[Unit, ...], entries: Read) -> None:
    unit = units[0]
    natively = replace(unit, impl="native", kernel="current")
    for text in ("impl: native", "kernel: [current, next]"):
        (entry,) = entries(f"- {{scenario: {unit.scenario.name}, {text}, {GOOD}}}")
        assert entry.covers(natively)
        assert not entry.covers(unit)
    with pytest.raises(ScenarioError, match="did you mean `native`"):
        entries(f"- {{scenario: {unit.scenario.name}, impl: natve, {GOOD}}}")
