# SPDX-License-Identifier: GPL-2.0-only
"""A library in a temporary directory, and short ways to write a scenario into it and to see what comes of it."""

from collections.abc import Iterator
from pathlib import Path

from lazymmu.scenario import load
from lazymmu.subject.case import Scenario, Step
from lazymmu.support.errors import ScenarioError

NAME = "s"


class Workbench:
    """A library with one scenario, rewritten for each text."""

    def __init__(self, library: Path) -> None:
        self.library = library
        self.path = library / f"{NAME}.yaml"

    def write(self, text: str | bytes, name: str = f"{NAME}.yaml") -> Path:
        """Write a file of the library."""
        path = self.library / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def accept(self, text: str) -> Scenario:
        """Return the scenario of a text that must be right."""
        self.write(text)
        (scenario,) = load([NAME], self.library)
        return scenario

    def refuse(self, text: str | bytes) -> list[str]:
        """Return the problems of a text that must be wrong, as `line:column: message`."""
        self.write(text)
        try:
            load([NAME], self.library)
        except ScenarioError as error:
            assert error.exit_status == 2
            assert str(error) == "\n".join(map(str, error.problems))
            return [str(problem).removeprefix(f"{self.path}:") for problem in error.problems]
        raise AssertionError(f"accepted: {text!r}")

    def steps(self, steps: str, head: str = "") -> Scenario:
        """Return the scenario whose `steps` are this flow list."""
        return self.accept(f"{head}description: d\nsteps: {steps}\n")

    def wrong(self, steps: str, head: str = "") -> str:
        """Return the only problem of these steps; without `head` they begin in line 2, column 8."""
        problems = self.refuse(f"{head}description: d\nsteps: {steps}\n")
        assert len(problems) == 1, problems
        return problems[0]


def ops(scenario: Scenario, case: int = 0) -> str:
    """Return the outline of a case: `enable disable interrupt(flush) enable<pause>`."""
    return " ".join(_outline(scenario.cases[case].steps))


def _outline(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        text = step.op + "".join(f" {value}" for value in step.args.values())
        if step.before_hook:
            text += f"<{' '.join(_outline(step.before_hook))}>"
        if step.body:
            text += f"({' '.join(_outline(step.body))})"
        yield text
