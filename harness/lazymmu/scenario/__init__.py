# SPDX-License-Identifier: GPL-2.0-only
"""The scenario language: YAML files in, checked and expanded scenarios out."""

from collections.abc import Sequence
from pathlib import Path

from lazymmu.scenario.document import read_document
from lazymmu.scenario.lookup import scenario_files
from lazymmu.scenario.strict_yaml.compose import compose
from lazymmu.scenario.strict_yaml.files import read_text
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.subject.case import Scenario
from lazymmu.support.errors import ScenarioError

__all__ = ["load"]


def load(arguments: Sequence[str], library: Path) -> tuple[Scenario, ...]:
    """Return the scenarios that the arguments mean, sorted by name, each file once.

    An argument is a scenario's name in the library, a directory of the library, or a path to a file or directory
    anywhere; without arguments it is the whole library. Raises UsageError for arguments that mean nothing, and one
    ScenarioError with every mistake of every file.
    """
    problems = Problems()
    scenarios: list[Scenario] = []
    for found in scenario_files(arguments, library, problems):
        text = read_text(found.path, problems)
        root = None if text is None else compose(text, found.path, problems)
        scenario = None if root is None else read_document(root, found.name, found.path, problems)
        if scenario is not None:
            scenarios.append(scenario)
    if problems.found:
        raise ScenarioError(problems.found)
    return tuple(scenarios)
