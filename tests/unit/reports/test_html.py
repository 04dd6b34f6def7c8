# SPDX-License-Identifier: GPL-2.0-only
"""The HTML page: cells show outcomes, failures link to their reasons, and no text in it can act as markup."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from hypothesis import example, given
from lazymmu.reports.plain import visible
from lazymmu.results.known_issues import CheckedIssue, State
from lazymmu.results.result import Unit
from lazymmu.results.run_summary import RunSummary
from msgspec.structs import replace

from tests.unit import runs


def parsed(run: RunSummary) -> ElementTree.Element:
    """Return the page as XML, which it is, too."""
    return ElementTree.fromstring(runs.written("html", run))  # noqa: S314  (our own)


def part(page: ElementTree.Element, id_: str) -> ElementTree.Element:
    found = page.find(f".//*[@id='{id_}']")
    assert found is not None, id_
    return found


def texts(elements: Iterable[ElementTree.Element]) -> list[str]:
    return ["".join(element.itertext()) for element in elements]


def cells(page: ElementTree.Element) -> dict[str, dict[str, ElementTree.Element]]:
    """Return scenario -> heading of a column -> cell."""
    head, *rows = part(page, "scenarios").iter("tr")
    names = [" ".join(one.itertext()) for one in list(head)[1:]]
    return {"".join(row[0].itertext()): dict(zip(names, list(row)[1:], strict=True)) for row in rows}


def groups(page: ElementTree.Element) -> list[ElementTree.Element]:
    return page.findall("./body/details")


def test_each_cell_shows_the_outcomes_of_its_units_and_links_to_the_reason(units: tuple[Unit, ...]) -> None:
    page = parsed(runs.summary(units, runs.EVERY_OUTCOME))
    found = cells(page)
    assert list(found) == ["nesting/deep", "nesting/plain", "pause/plain"]
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
    assert texts(page.iter("title")) == ["lazymmu: 2 fail, 2 error, 1 skip, 3 pass"]


def test_each_failure_group_is_explained_once(units: tuple[Unit, ...]) -> None:
    page = parsed(runs.summary(units, runs.EVERY_OUTCOME, details="last console lines:\n  panic"))
    fail, error, skip = groups(page)
    assert [one.get("open") for one in (fail, error, skip)] == ["open", "open", None]
    assert texts(fail.findall("summary")) == ["fail nesting/deep[depth=1] merged on arm64 and 1 more"]
    assert "nesting/deep.yaml:3:5: step 2 disable: hooks\n    predicted  f\n" in texts(fail.findall("pre"))[0]
    assert texts(error.findall("summary")) == ["error nesting/deep[depth=1] merged on s390x and 1 more"]
    about = "the same in 1 more, in all 1 on s390x, 1 on arm64:\n    nesting/deep, nesting/plain"
    explained = re.sub(r"\nreproduce: \S+lazymmu run .*", "", texts(error.findall("pre"))[0])
    assert explained == f"why\nlast console lines:\n  panic\n{about}"
    assert [one.text for one in error.findall(".//li")] == ["nesting/plain merged on arm64"]
    assert texts(skip.findall("summary")) == ["skip nesting/deep[depth=2] merged on arm64"]
    assert [one.text for one in fail.findall(".//li")] == ["nesting/deep[depth=2] merged on s390x"]
    assert "\nsee merged_disable() in guest/module/api_merged.c:" in texts(fail.findall("pre"))[0]


def test_the_page_has_the_facts_of_the_run(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, [])
    page = parsed(replace(run, seed=7, facts={**run.facts, "arguments": {"personality": "xen"}}))
    assert {row[0].text: row[1].text for row in part(page, "facts").iter("tr")} == {
        "command": "lazymmu run nesting",
        "commit": "0123abcd-dirty",
        "started": "2026-11-22 12:00:00+00:00",
        "took": "2.0 s",
        "kernels": "6.12.0-test",
        "arm64": "tcg (no KVM here)",
        "s390x": "tcg (no KVM here)",
        "personality": "xen, in place of each guest's own",
        "shuffled": "--shuffle 7 repeats this order",
    }
    assert not groups(page)
    assert "All units that were run passed." in texts([page])[0]


def test_the_page_of_an_interrupted_run_shows_what_was_not_run(units: tuple[Unit, ...]) -> None:
    whole = runs.summary(units, [])
    page = parsed(runs.interrupted(whole, [0, 4]))
    assert part(page, "progress").text == "interrupted: 2 of 8 were done"
    found = cells(page)
    assert texts(found["nesting/deep"].values()) == ["1 pass, 1 not run", "2 not run"]
    assert texts(found["nesting/plain"].values()) == ["pass", "not run"]
    nothing = texts([parsed(runs.interrupted(whole, []))])[0]
    assert "Nothing was run." in nothing
    assert "passed" not in nothing


def test_known_failures_and_broken_entries_are_marked(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, ["fail", "error"])
    issues = [
        CheckedIssue(runs.issue(), State.HOLDS),
        CheckedIssue(runs.issue(scenario="x"), State.PASSED, "passed instead of fail"),
    ]
    page = parsed(runs.changed(run, runs.known(run, 0), known=issues))
    assert texts([part(page, "counts")]) == ["1 error, 1 known, 6 pass"]
    known, _ = groups(page)
    assert known.get("open") is None
    assert texts(known.findall("pre"))[0].startswith("known: bug 7\n")
    _, *rows = part(page, "known").iter("tr")
    assert [[cell.text for cell in row] for row in rows] == [
        ["known.yaml:1:3", "nesting/*", "holds", "bug 7"],
        ["known.yaml:1:3", "x", "passed", "passed instead of fail"],
    ]
    assert [row[2].get("class") for row in rows] == ["known", "fail"]


@example(text=runs.HOSTILE + "</pre><script>alert(1)</script>")
@given(text=runs.HOSTILE_TEXTS)
def test_any_text_is_shown_and_is_not_markup(units: tuple[Unit, ...], text: str) -> None:
    plain = parsed(runs.summary(units, ["error"]))
    run = runs.summary(units, ["error"], reason=text, details=text)
    page = parsed(replace(run, accelerators={"arm64": (text, text), "s390x": ("tcg", "none")}))
    assert [one.tag for one in page.iter()] == [one.tag for one in plain.iter()]
    lines = run.results[0].reason.splitlines()
    assert visible("\n".join([*lines, *lines])) in texts(groups(page)[0].findall("pre"))[0]


def test_the_page_loads_nothing(units: tuple[Unit, ...]) -> None:
    text = runs.written("html", runs.summary(units, runs.EVERY_OUTCOME))
    for one in ElementTree.fromstring(text).iter():  # noqa: S314  (our own)
        assert one.tag not in ("script", "link", "img", "iframe")
        assert "src" not in one.attrib
        assert one.get("href", "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text
