# SPDX-License-Identifier: GPL-2.0-only
"""The report for KCIDB is valid by its own library, and has each result."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from lazymmu.results.result import Unit
from lazymmu.results.run_summary import RunSummary
from msgspec.structs import replace

from tests.unit import runs


def report(run: RunSummary) -> dict[str, Any]:
    """Return the report, which is valid and whose objects refer to each other."""
    # Not at the top: only the process that runs these tests waits for it.
    library = pytest.importorskip("kcidb_io", reason="tests/requirements.txt is newer than this environment")
    found: dict[str, Any] = json.loads(runs.written("kcidb", run))
    assert library.schema.V5_3.validate(found) == found
    checkouts, builds = ({one["id"] for one in found[kind]} for kind in ("checkouts", "builds"))
    assert {one["checkout_id"] for one in found["builds"]} == checkouts
    assert {one["build_id"] for one in found["tests"]} == builds
    return found


def test_each_result_is_a_test_of_a_build_of_a_machine(units: tuple[Unit, ...]) -> None:
    found = report(runs.summary(units, runs.EVERY_OUTCOME))
    assert found["version"] == {"major": 5, "minor": 3}
    assert [test["status"] for test in found["tests"]] == [
        "FAIL",
        "MISS",
        "SKIP",
        "FAIL",
        "MISS",
        "PASS",
        "PASS",
        "PASS",
    ]
    assert {build["architecture"] for build in found["builds"]} == {*runs.ARCHES}
    assert found["tests"][0]["path"] == "lazymmu.nesting.deep"
    assert "step 2 disable: hooks" in found["tests"][0]["log_excerpt"]
    assert len({test["id"] for test in found["tests"]}) == runs.SIZE


def test_a_guest_that_died_is_an_error_and_a_known_failure_keeps_its_status(units: tuple[Unit, ...]) -> None:
    run = runs.summary(units, ["error", "fail"])
    first, *others = runs.known(run, 1)
    found = report(runs.changed(run, [replace(first, release="6.12.0-test"), *others]))
    assert [test["status"] for test in found["tests"][:2]] == ["ERROR", "FAIL"]
    assert found["tests"][1]["misc"]["known"] == "bug 7"


def test_the_origin_is_the_ci_system(units: tuple[Unit, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KCIDB_ORIGIN", "My-CI")
    assert {test["origin"] for test in report(runs.summary(units, []))["tests"]} == {"my_ci"}


@example(text=runs.HOSTILE * 2000)
@given(text=runs.HOSTILE_TEXTS)
def test_any_text_is_valid(units: tuple[Unit, ...], text: str) -> None:
    run = runs.summary(units, ["error", "fail"], reason=text, details=text)
    report(replace(run, accelerators={"arm64": (text, text)}))
