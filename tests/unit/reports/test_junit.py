# SPDX-License-Identifier: GPL-2.0-only
"""The JUnit report is valid against the schema of a CI system, whatever a guest says, and counts as the JSON does."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lazymmu.reports import junit
from lazymmu.results.known_issues import Entry, Standing, State
from lazymmu.results.result import Outcome, Unit
from lazymmu.results.run_summary import Finished
from lazymmu.support.errors import Place
from msgspec.structs import replace

from tests.unit import runs

SCHEMA = Path(__file__).parents[2] / "fixtures" / "junit" / "junit-10.xsd"
ALL = ("fail", "error", "skip", "fail", "error")


@cache
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(SCHEMA)


def parsed(run: Finished) -> ElementTree.Element:
    """Return the report's root, after the schema was held against it."""
    text = junit.text(run)
    schema().validate(text)
    return ElementTree.fromstring(text)  # noqa: S314  (our own)


def entry(**changes: object) -> Entry:
    values: dict[str, object] = {
        "place": Place("known.yaml", 1, 3),
        "scenario": "nesting/*",
        "case": {},
        "arches": None,
        "apis": None,
    }
    values |= {"impls": None, "kernels": None}
    values |= {"outcome": Outcome.FAIL, "reason": "bug 7", "expires": date(2030, 1, 1)}
    return Entry(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> tuple[Unit, ...]:
    return runs.selected(tmp_path_factory.mktemp("library"))


def test_every_outcome_has_its_element_and_the_counts_are_those_of_the_json(units: tuple[Unit, ...]) -> None:
    run = runs.finished(units, ALL)
    root = parsed(run)
    summary = runs.document(run)["summary"]
    cases = list(root.iter("testcase"))
    kinds = Counter(child.tag for case in cases for child in case)
    assert kinds == {"failure": summary["fail"], "error": summary["error"], "skipped": summary["skip"]}
    assert len(cases) == sum(summary.values()) == runs.SIZE
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("8", "2", "2")
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == list(runs.ARCHES)
    for arch, suite in suites.items():
        of_arch = Counter(str(result.outcome) for result in run.results if result.unit.arch == arch)
        counted = {"fail": "failures", "error": "errors", "skip": "skipped"}
        assert {name: int(suite.get(key, "")) for name, key in counted.items()} == {n: of_arch[n] for n in counted}
        assert int(suite.get("tests", "")) == of_arch.total()
        assert float(suite.get("time", "")) == pytest.approx(0.25 * of_arch.total())
    assert suites["arm64"].get("timestamp") == "2026-11-22T12:00:00+00:00"


def test_a_case_is_named_whole_and_once_and_says_what_is_wrong(units: tuple[Unit, ...]) -> None:
    root = parsed(runs.finished(units, ALL, details="first line\nsecond line"))
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert ("arm64.nesting", "nesting/deep[depth=2] merged") in names
    assert len(set(names)) == runs.SIZE
    failure = next(root.iter("failure"))
    assert failure.get("message") == "why"
    assert "nesting/deep.yaml:3:5: step 2 disable: hooks\n    predicted  f\n    observed   why" in (failure.text or "")
    error = next(root.iter("error"))
    assert (error.get("type"), error.text) == ("error", "why\nfirst line\nsecond line")


def test_a_suite_says_which_kernel_and_accelerator_it_was(units: tuple[Unit, ...]) -> None:
    run = replace(runs.finished(units, []), seed=7)
    for suite in parsed(run):
        told = {one.get("name"): one.get("value") for one in suite.iter("property")}
        assert told == {
            "release": "6.12.0-test",
            "kernel": "lts",
            "impl": "module",
            "accelerator": "tcg",
            "accelerator.reason": "no KVM here",
            "shuffle": "7",
        }


def test_an_interrupted_run_says_so_and_is_valid(units: tuple[Unit, ...]) -> None:
    whole = runs.finished(units, [])
    for done in ([0, 2, 5], []):
        suites = list(parsed(runs.interrupted(whole, done)))
        assert len(suites) == 2
        for suite in suites:
            told = {one.get("name"): one.get("value") for one in suite.iter("property")}
            assert told["interrupted"] == f"interrupted: {len(done)} of 8 were done"


def test_a_known_failure_is_skipped_with_its_reason_and_a_broken_entry_is_a_failure(units: tuple[Unit, ...]) -> None:
    run = runs.finished(units, ["fail", "error"])
    results = [replace(run.results[0], known="bug 7"), *list(run.results)[1:]]
    standings = [
        Standing(entry(), State.HOLDS),
        Standing(entry(scenario="pause/plain"), State.PASSED, "passed and was to fail"),
        Standing(entry(scenario="x"), State.UNUSED, "matches nothing"),
    ]
    root = parsed(runs.changed(run, results, known=standings))
    arm, s390, known = list(root)
    assert (arm.get("skipped"), arm.get("failures")) == ("1", "0")
    assert (s390.get("errors"), s390.get("skipped")) == ("1", "0")
    assert next(arm.iter("skipped")).get("message") == "known: bug 7"
    assert (known.get("name"), known.get("tests"), known.get("failures"), known.get("skipped")) == (
        *("known", "3", "1"),
        "1",
    )
    assert next(known.iter("failure")).get("message") == "passed and was to fail"


#: What breaks XML writers: controls, halves of surrogate pairs, non-characters, and what looks like markup.
EVERY = "\x00\x08\x0b\x0c\x1b\x7f\x85\u2028\ufffd\ufffe\uffff\ud800\udfff\U0001ffff&<>]'\"\r\n\t"
HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=("Cc", "Cs")),
        st.sampled_from(EVERY),
    )
)


@example(reason=EVERY, details=EVERY, known=EVERY)
@settings(deadline=None)  # the schema is loaded in the first
@given(reason=HOSTILE, details=HOSTILE, known=HOSTILE)
def test_any_text_gives_a_valid_report_that_holds_what_xml_can_hold(
    units: tuple[Unit, ...], reason: str, details: str, known: str
) -> None:
    run = runs.finished(units, ALL, reason=reason, details=details + "]]> end & <tag>")
    first, second, *others = run.results
    results = [first, replace(second, known=known), *others]
    accelerators = {"arm64": (reason, details), "s390x": (known, reason)}
    standing = Standing(entry(reason=known), State.PASSED, reason)
    root = parsed(runs.changed(run, results, accelerators=accelerators, known=[standing]))
    assert all("end & <tag>" in (error.text or "") for error in root.iter("error"))
