# SPDX-License-Identifier: GPL-2.0-only
"""The JSON Schemas are current, accept the whole library, and reject mistakes in form."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lazymmu.cli import main
from lazymmu.results.result import Unit
from lazymmu.session.schemas import schemas
from lazymmu.support.project import IMAGES, LIBRARY, PACKAGE

from tests.unit import runs

MISSING = "tests/requirements.txt is newer than this environment"

WRONG = [
    "steps: [enable]",
    "description: x",
    "{description: x, steps: []}",
    "{description: x, steps: [enabel]}",
    "{description: x, steps: [touch]}",
    "{description: x, steps: [touch: 100000]}",
    "{description: x, steps: [touch: on]}",
    "{description: x, steps: [set_pte: {index: 0}]}",
    "{description: x, steps: [{enable: {before_hook: []}}]}",
    "{description: x, steps: [{lazy: [enable], paused: []}]}",
    "{description: x, steps: [{interrupt: []}]}",
    "{description: x, steps: [{check: {actve: true}}]}",
    "{description: x, steps: [{check: {hooks: xyz}}]}",
    "{description: x, steps: [{repeat: {steps: []}}]}",
    "{description: x, steps: [{meanwhile: {task: t}}]}",
    "{description: x, steps: [enable], step: 1}",
    "{description: x, steps: [enable], api: [mergd]}",
    "{description: x, steps: [enable], tags: [a b]}",
    "{description: x, steps: [enable], vary: {n: 1}}",
    "{description: x, steps: [enable], expect: {hooks: 1}}",
    "{description: x, steps: [enable], expect: {merged: {v4: {hooks: e}}}}",
    "{description: x, steps: [enable], expect: {counters: {enabel: 1}}}",
]


def written(name: str) -> str:
    """Return a schema as its file has it."""
    return json.dumps(schemas()[name], indent=1) + "\n"


@pytest.mark.parametrize("name", ["scenario", "known", "results", "history"])
def test_a_schema_of_the_package_is_current(
    name: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    file = PACKAGE / "schemas" / f"{name}.json"
    if request.config.getoption("--update"):
        file.write_text(written(name))
    assert main(["schema", name]) == 0
    assert main(["schema", f"{name}s"]) == 2
    assert capsys.readouterr().out == written(name)


def test_every_scenario_of_the_library_is_accepted(everyday_or_all: Callable[[int, int], int]) -> None:
    assert refused("scenario", *sorted(LIBRARY.rglob("*.yaml"))[:: everyday_or_all(20, 1)]) == set()
    assert refused("known", *sorted((IMAGES / "known").glob("*.yaml"))) == set()


def test_mistakes_in_form_are_refused(tmp_path: Path) -> None:
    wrong = {str(tmp_path / f"{n}.yaml"): text for n, text in enumerate(WRONG)}
    for path, text in wrong.items():
        Path(path).write_text(text)
    assert refused("scenario", *map(Path, wrong)) == wrong.keys()
    (known := tmp_path / "known.yaml").write_text("- {scenario: nesting/deep, reason: why}")
    assert refused("known", known) == {str(known)}


def refused(name: str, *files: Path) -> set[str]:
    """Return the files that check-jsonschema does not accept."""
    program = pytest.importorskip("check_jsonschema", reason=MISSING).main
    testing = pytest.importorskip("click.testing", reason=MISSING)
    schema = str(PACKAGE / "schemas" / f"{name}.json")
    ran = testing.CliRunner().invoke(program, ["--output-format", "json", "--schemafile", schema, *map(str, files)])
    document = json.loads(ran.output)
    assert not document.get("parse_errors")
    return {error["filename"] for error in document.get("errors", [])}


def test_each_document_of_a_run_is_accepted(units: tuple[Unit, ...]) -> None:
    library = pytest.importorskip("jsonschema", reason=MISSING)
    document: dict[str, Any] = json.loads(runs.written("json", runs.summary(units, runs.EVERY_OUTCOME)))
    assert document["results"]
    library.Draft7Validator(schemas()["results"]).validate(document)
    del document["results"][0]["outcome"]
    assert not library.Draft7Validator(schemas()["results"]).is_valid(document)
