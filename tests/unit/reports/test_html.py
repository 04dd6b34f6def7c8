# SPDX-License-Identifier: GPL-2.0-only
"""The HTML page: cells show outcomes, failures link to their reasons, and no text in it can act as markup."""

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from lazymmu.reports.formats import FORMATS, html
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
    assert names[-1] == "description"
    return {"".join(row[0].itertext()): dict(zip(names[:-1], list(row)[1:-1], strict=True)) for row in rows}


def outcome_of(cell: ElementTree.Element) -> str:
    """Return the class of a cell that says its outcome; the other says its column."""
    column, outcome = (cell.get("class") or "").split()
    assert re.fullmatch(r"c\d", column)
    return outcome


def shown_verdict(page: ElementTree.Element) -> tuple[str | None, str | None]:
    one = part(page, "verdict")
    return one.get("class"), one.text


def groups(page: ElementTree.Element) -> list[ElementTree.Element]:
    return page.findall("./body/main/details")


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
    assert [outcome_of(cell) for cell in (*deep.values(), *plain.values())] == ["fail", "fail", "error", "pass"]
    for cell in (*deep.values(), *plain.values(), *pause.values()):
        link = cell.find("a")
        assert (link is None) == (outcome_of(cell) == "pass")
        if link is not None:
            assert part(page, (link.get("href") or "").removeprefix("#")).tag == "pre"
    assert texts([part(page, "counts")]) == ["2 fail, 2 error, 1 skip, 3 pass"]
    assert texts(page.findall("./head/title")) == ["lazymmu failed: 2 fail, 2 error, 1 skip, 3 pass"]


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
    assert shown_verdict(page) == ("pass", "lazymmu run: passed")
    assert {row[0].text: row[1].text for row in part(page, "facts").iter("tr")} == {
        "command": "lazymmu run nesting",
        "exit status": "unknown",
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
    assert shown_verdict(page) == ("error", "lazymmu run: interrupted: 2 of 8 were done")
    found = cells(page)
    assert texts(found["nesting/deep"].values()) == ["1 not run, 1 pass", "2 not run"]
    assert texts(found["nesting/plain"].values()) == ["pass", "not run"]
    # What passed so far is not green if something was not run.
    assert [outcome_of(cell) for cell in found["nesting/deep"].values()] == ["not-run", "not-run"]
    nothing = texts([parsed(runs.interrupted(whole, []))])[0]
    assert "Nothing was run." in nothing
    assert "passed" not in nothing.replace(html._SCRIPT, "")


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
    assert [one.tag for one in page.iter() if one.tag != "text"] == [
        one.tag for one in plain.iter() if one.tag != "text"
    ]
    lines = run.results[0].reason.splitlines()
    assert visible("\n".join([*lines, *lines])) in texts(groups(page)[0].findall("pre"))[0]


@pytest.mark.parametrize(
    ("outcomes", "status", "style", "verdict"),
    [
        ([], 0, "pass", "passed"),
        (["skip"], 0, "known", "passed, with 1 skip"),
        (["skip"], 3, "error", "error"),
        (["fail", "error"], 1, "fail", "failed"),
        (["error"], 3, "error", "error"),
        (["skip"] * runs.SIZE, 2, "error", "nothing passed"),
    ],
)
def test_the_verdict_is_green_only_if_everything_passed(
    units: tuple[Unit, ...], outcomes: list[str], status: int, style: str, verdict: str
) -> None:
    run = runs.summary(units, outcomes)
    for facts in (run.facts, {**run.facts, "status": status}):
        page = parsed(replace(run, facts=facts))
        if "status" in facts or status != 3:
            assert shown_verdict(page) == (style, f"lazymmu run: {verdict}")
    assert "".join(part(page, "facts")[1].itertext()) == f"exit status{status}"


def test_a_known_failure_and_one_that_no_longer_is_are_not_green(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, ["fail"])
    known = runs.changed(run, runs.known(run, 0))
    assert shown_verdict(parsed(known)) == ("known", "lazymmu run: passed, with 1 known")
    broken = replace(known, known=[CheckedIssue(runs.issue(), State.PASSED, "passed")])
    assert shown_verdict(parsed(broken)) == ("fail", "lazymmu run: failed: entries of --known no longer hold")


def test_a_cause_has_a_picture_and_links_to_the_logs_of_its_machine(tmp_path: Path, units: tuple[Unit, ...]) -> None:
    folder = tmp_path / "a folder"
    (folder / "guests").mkdir(parents=True)
    for name in ("arm64-1.console.log", "arm64-1.channel.log", "s390x-1.console.log", "arm64-1.qemu.txt"):
        (folder / "guests" / name).touch()
    run = replace(runs.summary(units, ["fail", "error", "skip"]), folder=folder)
    with (tmp_path / "page.html").open("w") as file:
        FORMATS["html"].write(run, file)
    page = ElementTree.parse(tmp_path / "page.html").getroot()  # noqa: S314  (our own)
    fail, error, skip = groups(page)
    links = [[(link.text, link.get("href")) for link in one.findall("./p/a")] for one in (fail, error, skip)]
    arm64 = [(f"arm64-1.{name}.log", f"a%20folder/guests/arm64-1.{name}.log") for name in ("channel", "console")]
    assert links == [arm64, [("s390x-1.console.log", "a%20folder/guests/s390x-1.console.log")], arm64]
    assert [one.get("href") for one in part(page, "facts").iter("a")] == ["a%20folder"]
    assert [len(one.findall("./div/svg")) for one in (fail, error, skip)] == [1, 1, 0]
    (picture,) = fail.findall("./div/svg")
    assert "CPU 0 observed" in texts(picture.iter("text"))


def test_every_part_is_shown_by_the_boxes_of_its_outcomes_and_architectures(units: tuple[Unit, ...]) -> None:
    page = parsed(runs.summary(units, runs.EVERY_OUTCOME))
    boxes = {label.get("for") or "": label.text for label in page.findall("./body/label")}
    assert boxes == {"o0": "fail", "o1": "error", "o2": "skip", "o3": "pass", "a0": "arm64", "a1": "s390x"}
    assert [box.get("id") for box in page.findall("./body/input")] == list(boxes)
    style = texts(page.iter("style"))[0]
    rules = set(re.findall(r"#o(\d):checked ~ #a(\d):checked ~ main \.f(\d)-(\d) \{ display: revert", style))
    assert rules == {(o, a, o, a) for o in "0123" for a in "01"}
    # The second cause is of s390x, then of arm64.
    assert [one.get("class") for one in groups(page)] == ["u f0-0 f0-1", "u f1-0 f1-1", "u f2-0"]
    rows = part(page, "scenarios").findall("./tbody/tr")
    assert [row.get("class") for row in rows] == ["u f0-0 f0-1 f1-1 f2-0", "u f1-0 f3-1", "u f3-0 f3-1"]
    assert texts(row[-1] for row in rows) == ["x"] * 3


def test_the_page_loads_nothing_and_runs_only_its_own_script(units: tuple[Unit, ...]) -> None:
    text = runs.written("html", runs.summary(units, runs.EVERY_OUTCOME))
    page = ElementTree.fromstring(text)  # noqa: S314  (our own)
    (script,) = texts(page.iter("script"))
    assert script == html._SCRIPT
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    for one in page.iter():
        assert one.tag not in ("link", "img", "iframe")
        assert not any(name.startswith("on") for name in one.attrib)
        assert "src" not in one.attrib
        assert one.get("href", "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text
