# SPDX-License-Identifier: GPL-2.0-only
"""JUnit XML for the viewers of CI systems, valid against the schema of Jenkins' xunit plugin (tests/fixtures/junit).

Each machine is a suite, because a suite's properties (kernel, accelerator) must hold for all its cases, and because
viewers count by suite. The class name is `MACHINE.FOLDER`: viewers show it as a tree, and it keeps machines apart where
suites are merged. The name of a case is complete for viewers that show nothing else.
"""

from pathlib import Path
from typing import TextIO

from msgspec import Struct

from lazymmu.reports.plain import cause_line, filled, first_line, in_group
from lazymmu.results.known_issues import CheckedIssue, State
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import RunSummary, of_text

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


def write(run: RunSummary, file: TextIO) -> None:
    """Write the report.

    A known failure is `skipped`, and its message begins with `known: `. The entries of --known are a suite of their
    own, in which an entry that fails the run is a failure; so the other suites have the counts of the results.
    """
    machines: dict[str, list[Result]] = {unit.machine: [] for unit in run.results.units}
    for result in run.results:
        machines[result.machine].append(result)
    suites = {machine: [_case(run, result) for result in results] for machine, results in machines.items()}
    causes = {machine: [cause_line(one) for one in run.groups if machine in one.machines] for machine in machines}
    if run.known:
        suites["known"] = [_issue(checked) for checked in run.known]
    values = {"run": run, "machines": machines, "suites": suites, "causes": causes, "of_text": of_text}
    file.writelines(filled(Path(__file__).with_name("junit.xml.jinja"), **values))


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
