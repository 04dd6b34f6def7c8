# SPDX-License-Identifier: GPL-2.0-only
"""The scenario language: YAML files in, checked and expanded scenarios out."""

from collections.abc import Sequence
from pathlib import Path

from lazymmu.scenario import selectors
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

    An argument is a scenario's name in the library, a directory of the library, a pattern of names, or a path to a
    file or directory anywhere, each with or without a case; without arguments it is the whole library. Raises
    UsageError for arguments that mean nothing, and one ScenarioError with every mistake of every file.
    """
    problems = Problems()
    scenarios: list[Scenario] = []
    #: Word -> the scenarios in which it means no case; None if it means one in any.
    unmet: dict[str, list[Scenario] | None] = {}
    for found in scenario_files(arguments, library, problems):
        text = read_text(found.path, problems)
        root = None if text is None else compose(text, found.path, problems)
        scenario = None if root is None else read_document(root, found.name, found.path, problems)
        if scenario is not None:
            for word, values in found.words:
                if selectors.with_cases(scenario, [values]):
                    unmet[word] = None
                elif (others := unmet.setdefault(word, [])) is not None:
                    others.append(scenario)
            narrowed = selectors.with_cases(scenario, dict(found.words).values())
            scenarios += [narrowed] if narrowed is not None else []
    if problems.found:
        raise ScenarioError(problems.found)
    for word, others in unmet.items():
        if others is not None:
            raise selectors.unknown_case(word, others)
    return tuple(scenarios)
