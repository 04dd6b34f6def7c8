# SPDX-License-Identifier: GPL-2.0-only
"""JUnit XML, for the viewers of CI systems; valid against the schema of Jenkins' xunit plugin (tests/fixtures/junit).

One suite for each machine, an architecture with a kernel: what a suite's properties can say (kernel, accelerator) is
true of one machine only, and viewers count by suite. The class name is `MACHINE.FOLDER`, which viewers show as a tree
and which tells the machines apart where suites are merged; the name of a case is whole, for those that show nothing
else.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from lazymmu.reports.plain import explanation, first_line, visible
from lazymmu.results.known_issues import Standing, State
from lazymmu.results.result import Outcome, Result
from lazymmu.results.run_summary import Finished

#: Attribute of `testsuites` that junitparser sets and the schema does not have; the suites have it.
_NOT_IN_SCHEMA = "skipped"


def text(run: Finished) -> str:
    """Return the report as XML.

    A known failure is `skipped`, its message begins with `known: `. The entries of --known are a suite of their own,
    in which one that no longer holds is a failure; so the counts of the other suites stay those of the results.
    """
    report = JUnitXml("lazymmu")
    results: dict[str, list[Result]] = {unit.machine: [] for unit in run.results.units}
    for result in run.results:
        results[result.unit.machine].append(result)
    for machine, of_machine in results.items():
        report.add_testsuite(_suite(run, machine, of_machine))
    if run.known:
        suite = _named(run, "known")
        suite.add_testcases([_entry(standing) for standing in run.known])
        report.add_testsuite(suite)
    report.update_statistics()  # type: ignore[no-untyped-call]
    del report._elem.attrib[_NOT_IN_SCHEMA]
    file = io.BytesIO()
    report.write(file)
    return file.getvalue().decode("utf-8") + "\n"


def _named(run: Finished, name: str) -> TestSuite:
    suite = TestSuite(name)
    suite.timestamp = run.started.isoformat(timespec="seconds")
    suite.add_testcases([])
    return suite


def _suite(run: Finished, machine: str, results: Sequence[Result]) -> TestSuite:
    suite = _named(run, machine)
    releases = {result.release for result in results if result.release}
    kernels = {result.unit.kernel for result in results}
    impls = {result.unit.impl for result in results}
    accelerator, reason = run.accelerators.get(machine, ("none", "no guest was started"))
    properties = {
        "release": ", ".join(sorted(releases)) or "none answered",
        "kernel": ", ".join(sorted(kernels)),
        "impl": ", ".join(sorted(impls)),
        "accelerator": accelerator,
        "accelerator.reason": reason,
        "shuffle": "" if run.seed is None else str(run.seed),
        "interrupted": run.left(),
    }
    for name, value in properties.items():
        if value:
            suite.add_property(name, visible(value))
    suite.add_testcases([_case(result) for result in results])
    return suite


def _case(result: Result) -> TestCase:
    unit = result.unit
    *folders, _ = unit.scenario.name.split("/")
    # Viewers split at dots: those of a path outside the library must not make levels.
    levels = [unit.machine, *(folder.replace(".", "_") for folder in folders if folder)]
    case = TestCase(visible(unit.title()), visible(".".join(levels)), round(result.seconds, 3))
    message = visible(first_line(result.reason))
    if result.known:
        # Skipped, for viewers have no word for it; what it was stands in the text.
        end: Failure | Error | Skipped = Skipped(visible(f"known: {first_line(result.known)}"), "known")
    elif result.outcome is Outcome.FAIL:
        end = Failure(message, "fail")
    elif result.outcome is Outcome.ERROR:
        end = Error(message, "error")
    elif result.outcome is Outcome.SKIP:
        end = Skipped(message, "skip")
    else:
        return case
    end.text = visible("\n".join(explanation(result)))
    case.result = end
    return case


def _entry(standing: Standing) -> TestCase:
    case = TestCase(visible(f"{standing.entry.scenario} ({standing.entry.place})"), "known", 0.0)
    if standing.broken:
        case.result = Failure(visible(standing.message), str(standing.state))
    elif standing.state is not State.HOLDS:
        case.result = Skipped(visible(standing.message), str(standing.state))
    return case
