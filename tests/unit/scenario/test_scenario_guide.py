# SPDX-License-Identifier: GPL-2.0-only
"""Every example of docs/scenarios.md is what it says, and every word of the language has one."""

import re
from pathlib import Path

import pytest
from lazymmu.scenario import load
from lazymmu.scenario.applicability import counters
from lazymmu.scenario.checks import PINS
from lazymmu.scenario.document import KEYS
from lazymmu.scenario.expectations import PARTS
from lazymmu.scenario.steps import WORDS
from lazymmu.session.selection import Selection, units
from lazymmu.session.verdict import pins
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.simulator import predict
from lazymmu.support.errors import ScenarioError
from lazymmu.support.project import ROOT

from tests.unit import examples
from tests.unit.rows import each_row

GUIDE = (ROOT / "docs" / "scenarios.md").read_text()
RIGHT = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
WRONG = re.findall(r"```yaml wrong\n(.*?)```\n\n```\n(.*?)```", GUIDE, re.DOTALL)


def whole(example: str) -> str:
    """Return the file that an example means."""
    if not example.startswith("- "):
        return example
    indented = "".join(f"  {line}\n" for line in example.splitlines())
    return f"description: x\ntasks: {{other: {{cpu: 1}}}}\nsteps:\n{indented}"


@each_row("example", RIGHT)
def test_an_example_is_right_and_what_it_pins_holds_in_the_model(tmp_path: Path, example: str) -> None:
    scenario = examples.scenario(tmp_path, whole(example))
    selected = units([scenario], Selection(apis=("all",)))
    for unit in selected:
        assert pins(unit, unit.case, predict(unit.case, unit.api, unit.personality), "the model says") == []


@each_row(("example", "messages"), WRONG)
def test_a_wrong_example_is_refused_with_these_words(tmp_path: Path, example: str, messages: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(example)
    with pytest.raises(ScenarioError) as caught:
        load([str(path)], tmp_path)
    assert str(caught.value).replace(f"{path}:", "") == messages.strip()


@each_row("word", [*WORDS, *KEYS, *PINS, *PARTS, "task", "before_hook", "times", "as"])
def test_every_word_of_the_language_stands_in_an_example(word: str) -> None:
    assert any(re.search(rf"(?m)(^|[\s\[{{-]){re.escape(word)}($|[:,\]}}\s])", example) for example in RIGHT)


@each_row("name", [*counters(), *REVISIONS, *PERSONALITIES])
def test_the_guide_has_every_name(name: str) -> None:
    if re.search(rf"\b{re.escape(name)}\b", GUIDE) is None:
        raise AssertionError(f"docs/scenarios.md lacks `{name}`: add it, for example to the table of keys")
