# SPDX-License-Identifier: GPL-2.0-only
"""The page: each cell is what its units became, what is no pass leads to its reason, and no text in it is obeyed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from lazymmu.reports import html
from lazymmu.reports.plain import visible
from lazymmu.results.known_issues import Standing, State
from lazymmu.results.result import Outcome, Unit
from lazymmu.results.run_summary import Finished
from lazymmu.results.store import Results
from msgspec.structs import replace

from tests.unit import runs
from tests.unit.reports.test_junit import ALL, EVERY, HOSTILE, entry


def parsed(run: Finished) -> ElementTree.Element:
    """Return the page as XML, which it is, too."""
    return ElementTree.fromstring("".join(html.pieces(run)))  # noqa: S314  (our own)


def part(page: ElementTree.Element, id_: str) -> ElementTree.Element:
    found = page.find(f".//*[@id='{id_}']")
    assert found is not None, id_
    return found


def texts(elements: Sequence[ElementTree.Element]) -> list[str]:
    return ["".join(element.itertext()) for element in elements]


def cells(page: ElementTree.Element) -> dict[str, dict[str, ElementTree.Element]]:
    """Return scenario -> heading of a column -> cell."""
    head, *rows = part(page, "scenarios").iter("tr")
    names = [" ".join(one.itertext()) for one in list(head)[1:]]
    return {"".join(row[0].itertext()): dict(zip(names, list(row)[1:], strict=True)) for row in rows}


def causes(page: ElementTree.Element) -> list[ElementTree.Element]:
    return page.findall(".//details")


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Unit, ...]:
    return runs.selected(tmp_path_factory.mktemp("library"))


def test_each_cell_is_what_its_units_became_and_leads_to_why(units: tuple[Unit, ...]) -> None:
    run = runs.finished(units, ALL)
    page = parsed(run)
    found = cells(page)
    assert list(found) == ["nesting/deep", "nesting/plain", "pause/plain"]
    ends = [str(result.outcome) for result in run.results]
    assert ends[:6] == ["fail", "error", "skip", "fail", "error", "pass"]
    # Two cases on two architectures in turn, then one.
    deep, plain, pause = found.values()
    assert {name: "".join(cell.itertext()) for name, cell in deep.items()} == {
        "merged arm64": "1 fail, 1 skip",
        "merged s390x": "1 fail, 1 error",
    }
    assert texts([*plain.values(), *pause.values()]) == ["error", "pass", "pass", "pass"]
    assert [cell.get("class") for cell in (*deep.values(), *plain.values())] == ["fail", "fail", "error", "pass"]
    for cell in (*deep.values(), *plain.values(), *pause.values()):
        link = cell.find("a")
        assert (link is None) == (cell.get("class") == "pass")
        if link is not None:
            assert part(page, (link.get("href") or "").removeprefix("#")).tag == "pre"
    assert texts([part(page, "counts")]) == ["2 fail, 2 error, 1 skip, 3 pass"]
    assert "2 fail, 2 error, 1 skip, 3 pass" in "".join(page.find(".//title").itertext())  # type: ignore[union-attr]


def test_what_did_not_pass_says_why_and_the_same_cause_is_told_once(units: tuple[Unit, ...]) -> None:
    page = parsed(runs.finished(units, ALL, details="last console lines:\n  panic"))
    fail, error, skip, other = causes(page)
    assert [one.get("open") for one in (fail, error, skip, other)] == ["open", "open", None, "open"]
    assert texts(fail.findall("summary")) == ["fail nesting/deep[depth=1] merged on arm64"]
    assert "nesting/deep.yaml:3:5: step 2 disable: hooks\n    predicted  f\n" in texts(fail.findall("pre"))[0]
    # An error, a skip and another error have the same reason and details here; of failures each has its own.
    assert texts(error.findall("summary")) == ["error nesting/deep[depth=1] merged on s390x and 1 more"]
    assert texts(error.findall("pre")) == ["why\nlast console lines:\n  panic"]
    assert texts(error.findall(".//li")) == ["nesting/plain merged on arm64"]
    assert texts(skip.findall("summary")) == ["skip nesting/deep[depth=2] merged on arm64"]
    assert texts(other.findall("summary")) == ["fail nesting/deep[depth=2] merged on s390x"]


def test_facts_of_the_run_stand_there(units: tuple[Unit, ...]) -> None:
    page = parsed(replace(runs.finished(units, []), seed=7))
    rows = {row[0].text: row[1].text for row in part(page, "facts").iter("tr")}
    assert rows == {
        "started": "2026-11-22 12:00:00+00:00",
        "took": "2.0 s",
        "kernels": "6.12.0-test",
        "arm64": "tcg (no KVM here)",
        "s390x": "tcg (no KVM here)",
        "shuffled": "--shuffle 7 gives this order again",
    }
    assert not causes(page)
    assert "Of what was run, everything passed." in texts([page])[0]


def test_an_interrupted_run_shows_what_was_not_run(units: tuple[Unit, ...]) -> None:
    whole = runs.finished(units, [])
    page = parsed(runs.interrupted(whole, [0, 4]))
    assert part(page, "left").text == "interrupted: 2 of 8 were done"
    found = cells(page)
    assert texts(list(found["nesting/deep"].values())) == ["1 pass, 1 not run", "2 not run"]
    assert texts(list(found["nesting/plain"].values())) == ["pass", "not run"]
    nothing = texts([parsed(runs.interrupted(whole, []))])[0]
    assert "Nothing was run." in nothing
    assert "passed" not in nothing


def test_known_failures_are_marked_and_a_broken_entry_too(units: tuple[Unit, ...]) -> None:
    run = runs.finished(units, ["fail", "error"])
    results = [replace(run.results[0], known="bug 7"), *list(run.results)[1:]]
    standings = [Standing(entry(), State.HOLDS), Standing(entry(scenario="x"), State.PASSED, "passed and was to fail")]
    page = parsed(runs.changed(run, results, known=standings))
    assert texts([part(page, "counts")]) == ["1 error, 1 known, 6 pass"]
    known, _ = causes(page)
    assert known.get("open") is None
    assert texts(known.findall("pre"))[0].startswith("known: bug 7\n")
    _, *rows = part(page, "known").iter("tr")
    assert [[cell.text for cell in row] for row in rows] == [
        ["known.yaml:1:3", "nesting/*", "holds", "bug 7"],
        ["known.yaml:1:3", "x", "passed", "passed and was to fail"],
    ]
    assert [row[2].get("class") for row in rows] == ["known", "fail"]


@example(reason=EVERY, details=EVERY + "</pre><script>alert(1)</script>")
@given(reason=HOSTILE, details=HOSTILE)
def test_any_text_is_shown_and_none_is_obeyed(units: tuple[Unit, ...], reason: str, details: str) -> None:
    plain = parsed(runs.finished(units, ["error"]))
    run = runs.finished(units, ["error"], reason=reason, details=details)
    page = parsed(replace(run, accelerators={"arm64": (reason, details), "s390x": ("tcg", "none")}))
    assert [one.tag for one in page.iter()] == [one.tag for one in plain.iter()]
    # As the results have it: JSON makes one character of a surrogate pair.
    result = run.results[0]
    told = "\n".join([*result.reason.splitlines(), *result.details.splitlines()])
    assert visible(told) in texts(causes(page)[0].findall("pre"))[0]


def test_a_page_loads_nothing(units: tuple[Unit, ...]) -> None:
    text = "".join(html.pieces(runs.finished(units, ALL)))
    for one in ElementTree.fromstring(text).iter():  # noqa: S314  (our own)
        assert one.tag not in ("script", "link", "img", "iframe")
        assert "src" not in one.attrib
        assert one.get("href", "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text


def test_a_long_run_comes_in_pieces_that_are_made_as_they_are_asked_for(units: tuple[Unit, ...]) -> None:
    read: list[int] = []

    class Counted(Results):
        def __getitem__(self, position: int):  # type: ignore[no-untyped-def]
            read.append(position)
            return super().__getitem__(position)

    run = runs.finished(units, [Outcome.FAIL] * len(units))
    results = Counted(units)
    for position, result in enumerate(run.results):
        results.add(position, result)
    pieces = html.pieces(replace(run, results=results))
    read.clear()
    next(iter(pieces))
    assert len(read) < len(units)
    assert "".join(pieces).count("<details") == len(units)
