# SPDX-License-Identifier: GPL-2.0-only
"""JUnit XML for the viewers of CI systems, valid against the schema of Jenkins' xunit plugin (tests/fixtures/junit).

Each machine is a suite, because a suite's properties (kernel, accelerator) must hold for all its cases, and because
viewers count by suite. The class name is `MACHINE.FOLDER`: viewers show it as a tree, and it keeps machines apart where
suites are merged. The name of a case is complete for viewers that show nothing else.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct

from lazymmu.reports.plain import cause_line, filled, first_line, in_group, visible
from lazymmu.results.known_issues import CheckedIssue, State
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import RunSummary, of_text

if TYPE_CHECKING:
    from markupsafe import Markup

NAME = "junit"
FLAG = "--junit"
HELP = "write results as JUnit XML; - is standard output"

#: JUnit has no word for a known failure; its text says what it was.
_ELEMENTS = {Outcome.FAIL: "failure", Outcome.ERROR: "error", Outcome.SKIP: "skipped", Outcome.KNOWN: "skipped"}


class _Case(Struct, frozen=True):
    """One test case, with the element in it if it did not pass."""

    class_name: str
    name: str
    seconds: float = 0.0
    element: str = ""
    type: str = ""
    message: str = ""
    text: str = ""

    def markup(self) -> "Markup":
        """Return the element. The template would take several times as long for the many cases that passed."""
        from markupsafe import Markup, escape

        class_name, name = (escape(visible(one)) for one in (self.class_name, self.name))
        inner = ""
        if self.element:
            kind, message, text = (escape(visible(one)) for one in (self.type, self.message, self.text))
            inner = f'<{self.element} type="{kind}" message="{message}">{text}</{self.element}>'
        head = f'<testcase classname="{class_name}" name="{name}" time="{self.seconds:.3f}">'
        return Markup(f"{head}{inner}</testcase>")  # noqa: S704  (every part is escaped)


class _Suite:
    """A suite: its cases, which are made when they are written, and what its head says of them."""

    def __init__(self, name: str, cases: Iterable[_Case], *, is_machine: bool) -> None:
        self.name = name
        self.cases = cases
        self.is_machine = is_machine
        self.tests = 0
        self.seconds = 0.0
        #: Of those that did not pass.
        self.elements: Counter[str] = Counter()
        self.releases: set[str] = set()
        self.kernels: set[str] = set()
        self.impls: set[str] = set()

    def note(self, element: str, seconds: float) -> None:
        """Count a case."""
        self.tests += 1
        self.seconds += seconds
        self.elements[element] += 1

    def note_result(self, result: Result) -> None:
        """Count the case of a result."""
        self.note(_ELEMENTS.get(result.outcome, ""), result.seconds)
        self.releases.add(result.release)
        self.kernels.add(result.kernel)
        self.impls.add(result.impl)


def write(run: RunSummary, file: TextIO) -> None:
    """Write the report.

    A known failure is `skipped`, and its message begins with `known: `. The entries of --known are a suite of their
    own, in which an entry that fails the run is a failure; so the other suites have the counts of the results.
    """
    machines = {name: _Suite(name, _cases(run, name), is_machine=True) for name in run.results.machines}
    for result in run.results:
        machines[result.machine].note_result(result)
    suites = [*machines.values()]
    if run.known:
        issues = [_issue(checked) for checked in run.known]
        suites.append(known := _Suite("known", issues, is_machine=False))
        for issue in issues:
            known.note(issue.element, issue.seconds)
    causes = {name: [cause_line(one) for one in run.groups if name in one.machines] for name in machines}
    values = {"run": run, "suites": suites, "causes": causes, "of_text": of_text}
    file.writelines(filled(Path(__file__).with_name("junit.xml.jinja"), **values))


def _cases(run: RunSummary, machine: str) -> Iterator[_Case]:
    cells = {cell for cell in run.results.cells if cell.machine == machine}
    for row in run.results.rows(cells):
        if row.outcome:
            yield _case(run, run.results[row.number])


def _case(run: RunSummary, result: Result) -> _Case:
    *folders, _ = result.scenario_name.split("/")
    # Viewers split the class name at dots, so those of a path outside the library are replaced.
    levels = [result.machine, *(folder.replace(".", "_") for folder in folders if folder)]
    named = (".".join(levels), result.title(), result.seconds)
    if result.outcome is Outcome.PASS:
        return _Case(*named)
    message = f"known: {first_line(result.known)}" if result.known else first_line(result.reason)
    message = f"flaky: {message}" if result.flaky else message
    text = "\n".join(in_group(run, result))
    return _Case(*named, _ELEMENTS[result.outcome], result.outcome, message, text)


def _issue(checked: CheckedIssue) -> _Case:
    element = "" if checked.state is State.HOLDS else "failure" if checked.is_broken else "skipped"
    name = f"{checked.issue.scenario} ({checked.issue.place})"
    return _Case("known", name, 0.0, element, checked.state, checked.message)
