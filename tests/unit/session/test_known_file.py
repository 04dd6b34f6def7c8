# SPDX-License-Identifier: GPL-2.0-only
"""Known failures: entries are read as strictly as scenarios, excuse only what they name, and expire."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.results.known_issues import CheckedIssue, KnownIssue, State, checked, excused
from lazymmu.results.result import Outcome, Unit
from lazymmu.results.store import ResultStore
from lazymmu.session import known_file
from lazymmu.session.ending import exit_status
from lazymmu.support.errors import ScenarioError
from lazymmu.support.project import IMAGES, LIBRARY
from msgspec.structs import replace

from tests.unit import runs
from tests.unit.rows import each_row

TODAY = date(2026, 11, 22)
GOOD = "reason: bug 7, expires: 2026-11-22"

Read = Callable[[str], tuple[KnownIssue, ...]]


@pytest.fixture
def read(tmp_path: Path, units: tuple[Unit, ...]) -> Read:
    """Return a function that reads the text of a file of known failures."""

    def read(text: str) -> tuple[KnownIssue, ...]:
        path = tmp_path / "known.yaml"
        path.write_text(text)
        return known_file.load(str(path), LIBRARY, units)

    return read


def judged(
    issues: Sequence[KnownIssue], units: tuple[Unit, ...], bad: dict[int, str], today: date = TODAY
) -> tuple[ResultStore, list[CheckedIssue]]:
    """Return the results of a run that passes but for these outcomes, and its entries."""
    results = (runs.result(unit, bad.get(unit.index, "pass"), "why") for unit in units)
    store = runs.store(units, [excused(issues, units[result.number], result, today) for result in results])
    return store, [checked(issue, store, today) for issue in issues]


@each_row(
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
        (f"- {{scenario: nesting/plain, impl: natve, {GOOD}}}", "did you mean `native`"),
        (f"- {{scenario: nesting/plain, outcome: pass, {GOOD}}}", "1:38: unknown name `pass` in `outcome`"),
        (f"- {{scenario: nesting/plain, flaky: often, {GOOD}}}", "1:36: `flaky` takes true or false"),
        (f"- {{scenario: nesting/plain, case: {{depth: 010}}, {GOOD}}}", "1:43: `010` is not an integer here"),
        (f"- {{scenario: nesting/plain, case: [], {GOOD}}}", "1:35: `case` is empty: it takes values of `vary`"),
        ("- {scenario: nesting/plain, reason: x, expires: 2026-11-31}", "1:49: `2026-11-31` is not a date: day"),
        ("- {scenario: nesting/plain, reason: x, expires: soon}", "1:49: `expires` takes a date such as 2030-12-31"),
        ("- {scenario: nesting/plain, reason: '', expires: 2030-01-01}", "1:37: `reason` is empty"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named_with_its_place(read: Read, text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(text)
    assert message in str(caught.value)
    assert caught.value.exit_status == 2


def test_all_mistakes_of_a_file_are_named(read: Read) -> None:
    with pytest.raises(ScenarioError) as caught:
        read("- {scenario: no, reason: x, expires: 2030-01-01}\n- {scenario: nesting/plain, reason: x, expires: no}\n")
    assert len(caught.value.problems) == 2


def test_a_folder_is_refused_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "nesting/single", "--known", str(tmp_path)]) == 2
    assert f"{tmp_path}:1:1: not a known failures file: it is a directory" in capsys.readouterr().err


def test_an_empty_list_excuses_nothing(read: Read, units: tuple[Unit, ...]) -> None:
    results, issues = judged(read("[]"), units, {0: "fail"})
    assert results.counts() == {"pass": 7, "fail": 1, "error": 0, "skip": 0, "known": 0}
    assert issues == []


def test_an_entry_excuses_what_it_names_and_the_run_passes(read: Read, units: tuple[Unit, ...]) -> None:
    # The third unit is nesting/deep with depth 2 on arm64.
    listed = read(f"- {{scenario: nesting/deep, case: {{depth: 2}}, arch: arm64, api: [merged], {GOOD}}}")
    results, (issue,) = judged(listed, units, {2: "fail"})
    assert (issue.state, issue.is_broken) == (State.HOLDS, False)
    assert [result.number for result in results if result.known] == [2]
    assert (results[2].raw_outcome, results[2].outcome, results[2].known) == (Outcome.FAIL, Outcome.KNOWN, "bug 7")
    assert exit_status(results.counts(), no_skip=False) == 0


@pytest.mark.parametrize("unit", [0, 1, 3, 4])
def test_another_case_architecture_or_scenario_is_not_excused(read: Read, units: tuple[Unit, ...], unit: int) -> None:
    listed = read(f"- {{scenario: nesting/deep, case: {{depth: 2}}, arch: arm64, {GOOD}}}")
    results, _ = judged(listed, units, {2: "fail", unit: "fail"})
    assert not results[unit].known
    assert exit_status(results.counts(), no_skip=False) == 1


def test_an_entry_of_one_implementation_or_kernel_covers_no_other(units: tuple[Unit, ...], read: Read) -> None:
    natively = replace(units[0], impl="native", kernel="current")
    for text in ("impl: native", "kernel: [current, next]"):
        (issue,) = read(f"- {{scenario: nesting/deep, {text}, {GOOD}}}")
        assert (issue.covers(natively), issue.covers(units[0])) == (True, False)


@pytest.mark.parametrize(("release", "is_known"), [("7.3.4+deb13-amd64", True), ("7.4.0", False), ("", False)])
def test_an_entry_of_one_release_is_about_no_other(
    units: tuple[Unit, ...], read: Read, release: str, is_known: bool
) -> None:
    (issue,) = read(f"- {{scenario: nesting/deep, release: '7.3.*', {GOOD}}}")
    failed, passed = (replace(runs.result(units[0], word, "x"), release=release) for word in ("fail", "pass"))
    assert bool(excused([issue], units[0], failed, TODAY).known) is is_known
    # A kernel with the fix passes, and the entry stays.
    assert checked(issue, runs.store(units, [passed]), TODAY).is_broken is is_known


@pytest.mark.parametrize("file", sorted((IMAGES / "known").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_files_of_the_project_are_limited_to_some_kernels(file: Path) -> None:
    (issue,) = known_file.load(str(file), LIBRARY, ())
    assert issue.release != "*"


@pytest.mark.parametrize(("entry", "outcome", "status"), [("fail", "error", 3), ("error", "fail", 1)])
def test_a_failure_does_not_excuse_an_error_nor_an_error_a_failure(
    read: Read, units: tuple[Unit, ...], entry: str, outcome: str, status: int
) -> None:
    listed = read(f"- {{scenario: nesting/plain, outcome: {entry}, {GOOD}}}")
    results, (issue,) = judged(listed, units, {4: outcome, 5: outcome})
    assert issue.state is State.OPEN
    assert exit_status(results.counts(), no_skip=False) == status


def test_an_entry_of_which_something_passes_fails_the_run(read: Read, units: tuple[Unit, ...]) -> None:
    results, (checked,) = judged(read(f"\n- {{scenario: 'nesting/*', {GOOD}}}"), units, {0: "fail", 1: "fail"})
    assert (checked.state, checked.is_broken) == (State.PASSED, True)
    assert checked.message.startswith("nesting/deep[depth=2] merged on arm64 and 3 more passed instead of fail")
    assert str(checked.issue.place).endswith("known.yaml:2:3")
    assert exit_status(results.counts(), no_skip=False, broken_entries=True) == 1


def test_an_entry_is_valid_on_its_last_day_and_not_on_the_next(read: Read, units: tuple[Unit, ...]) -> None:
    listed = read(f"- {{scenario: nesting/plain, {GOOD}}}")
    _, (last,) = judged(listed, units, {4: "fail", 5: "fail"})
    results, (next_day,) = judged(listed, units, {4: "fail", 5: "fail"}, date(2026, 11, 23))
    assert (last.state, next_day.state, next_day.is_broken) == (State.HOLDS, State.EXPIRED, True)
    assert not any(result.known for result in results)


def test_an_entry_that_matches_nothing_selected_does_not_fail_the_run(read: Read, units: tuple[Unit, ...]) -> None:
    # Not even if it has expired.
    _, (issue,) = judged(read("- {scenario: wrap/pause-and-back, reason: x, expires: 2020-01-01}"), units, {})
    assert (issue.state, issue.is_broken) == (State.UNUSED, False)
    assert "matches nothing that was selected" in issue.message


def test_a_run_with_only_known_failures_does_not_pass(read: Read, units: tuple[Unit, ...]) -> None:
    results, _ = judged(read(f"- {{scenario: '*', {GOOD}}}"), units, dict.fromkeys(range(8), "fail"))
    assert exit_status(results.counts(), no_skip=False) == 2


def test_a_unit_passes_only_if_all_its_repetitions_do(read: Read, units: tuple[Unit, ...]) -> None:
    twice = runs.numbered(replace(units[4], repetition=number) for number in (1, 2))
    listed = read(f"- {{scenario: nesting/plain, {GOOD}}}")
    _, (flaky,) = judged(listed, twice, {1: "fail"})
    _, (steady,) = judged(listed, twice, {})
    assert (flaky.state, steady.state) == (State.HOLDS, State.PASSED)


def test_true_does_not_match_one(read: Read, units: tuple[Unit, ...]) -> None:
    _, (issue,) = judged(read(f"- {{scenario: nesting/deep, case: {{depth: true}}, {GOOD}}}"), units, {})
    assert issue.state is State.UNUSED


def test_the_example_of_the_documents_can_be_read(read: Read) -> None:
    document = (LIBRARY.parent / "docs" / "reports.md").read_text()
    (issue,) = read(document.split("```yaml\n")[1].split("```")[0])
    assert (issue.scenario, issue.case, issue.outcome) == ("nesting/two-levels", {"depth": 3}, Outcome.FAIL)
    assert issue.names == {"arch": {"arm64", "x86_64"}, "api": {"merged"}}
    assert issue.expires == date(2030, 12, 31)


@pytest.mark.parametrize(("is_flaky", "state", "status"), [(True, State.HOLDS, 0), (False, State.OPEN, 1)])
def test_an_entry_for_what_is_flaky_excuses_nothing_else(
    units: tuple[Unit, ...], read: Read, is_flaky: bool, state: State, status: int
) -> None:
    issues = read(f"- {{scenario: nesting/*, flaky: true, {GOOD}}}")
    failed = replace(runs.result(units[0], "fail"), flaky=is_flaky)
    others = [runs.result(unit, "pass") for unit in units[1:]]
    results = runs.store(units, [excused(issues, units[0], failed, TODAY), *others])
    found = checked(issues[0], results, TODAY)
    assert (found.state, found.is_broken) == (state, False), "others that it covers may pass"
    assert exit_status(results.counts(), no_skip=False) == status
    assert KnownIssue.from_json(found.to_json()) == issues[0]
