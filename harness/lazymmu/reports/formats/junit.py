# SPDX-License-Identifier: GPL-2.0-only
"""JUnit XML for the viewers of CI systems, valid against the schema of Jenkins' xunit plugin (tests/fixtures/junit).

Each machine is a suite, because a suite's properties (kernel, accelerator) must hold for all its cases, and because
viewers count by suite. The class name is `MACHINE.FOLDER`: viewers show it as a tree, and it keeps machines apart where
suites are merged. The name of a case is complete for viewers that show nothing else.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from lazymmu.reports.plain import explanation, first_line, visible
from lazymmu.results.known_issues import CheckedIssue, State
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import RunSummary

if TYPE_CHECKING:
    import junitparser

NAME = "junit"
FLAG = "--junit"
HELP = "write results as JUnit XML; - is standard output"

#: Attribute of `testsuites` that junitparser sets and the schema does not have; the suites have it.
_NOT_IN_SCHEMA = "skipped"


def write(run: RunSummary, file: TextIO) -> None:
    """Write the report.

    A known failure is `skipped`, and its message begins with `known: `. The entries of --known are a suite of their
    own, in which an entry that fails the run is a failure; so the other suites have the counts of the results.
    """
    import junitparser

    report = junitparser.JUnitXml("lazymmu")
    results: dict[str, list[Result]] = {unit.machine: [] for unit in run.results.units}
    for result in run.results:
        results[result.machine].append(result)
    for machine, of_machine in results.items():
        report.add_testsuite(_machine(run, machine, of_machine))
    if run.known:
        report.add_testsuite(_suite(run, "known", [_issue(checked) for checked in run.known]))
    report.update_statistics()  # type: ignore[no-untyped-call]
    del report._elem.attrib[_NOT_IN_SCHEMA]
    buffer = io.BytesIO()
    report.write(buffer)
    file.write(buffer.getvalue().decode("utf-8") + "\n")


def _suite(run: RunSummary, name: str, cases: list[junitparser.TestCase]) -> junitparser.TestSuite:
    import junitparser

    suite = junitparser.TestSuite(name)
    suite.timestamp = run.started.isoformat(timespec="seconds")
    suite.add_testcases(cases)
    return suite


def _machine(run: RunSummary, machine: str, results: Sequence[Result]) -> junitparser.TestSuite:
    suite = _suite(run, machine, [_case(result) for result in results])
    accelerator, reason = run.accelerators.get(machine, ("none", "no guest was started"))
    properties = {
        "release": ", ".join(sorted({result.release for result in results} - {""})) or "none answered",
        "kernel": ", ".join(sorted({result.kernel for result in results})),
        "impl": ", ".join(sorted({result.impl for result in results})),
        "accelerator": accelerator,
        "accelerator.reason": reason,
        "shuffle": "" if run.seed is None else str(run.seed),
        "interrupted": run.progress(),
    }
    for name, value in properties.items():
        if value:
            suite.add_property(name, visible(value))
    return suite


def _case(result: Result) -> junitparser.TestCase:
    import junitparser

    *folders, _ = result.scenario_name.split("/")
    # Viewers split the class name at dots, so those of a path outside the library are replaced.
    levels = [result.machine, *(folder.replace(".", "_") for folder in folders if folder)]
    case = junitparser.TestCase(visible(result.title()), visible(".".join(levels)), round(result.seconds, 3))
    if result.outcome is not Outcome.PASS:
        # JUnit has no word for a known failure; its text says what it was.
        kinds = {Outcome.FAIL: junitparser.Failure, Outcome.ERROR: junitparser.Error}
        message = f"known: {first_line(result.known)}" if result.known else first_line(result.reason)
        case.result = kinds.get(result.outcome, junitparser.Skipped)(visible(message), str(result.outcome))
        case.result[0].text = visible("\n".join(explanation(result)))
    return case


def _issue(checked: CheckedIssue) -> junitparser.TestCase:
    import junitparser

    case = junitparser.TestCase(visible(f"{checked.issue.scenario} ({checked.issue.place})"), "known", 0.0)
    if checked.state is not State.HOLDS:
        kind = junitparser.Failure if checked.is_broken else junitparser.Skipped
        case.result = kind(visible(checked.message), str(checked.state))
    return case
