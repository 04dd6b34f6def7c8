# SPDX-License-Identifier: GPL-2.0-only
"""Scenario files as pytest's tests: one for each case, revision and machine.

The runner judges; here its results become pytest's. A unit runs when its test is set up, so that what is wrong with a
machine is an error for pytest, and only a wrong implementation is a failure.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from lazymmu.architecture import chosen
from lazymmu.provision import catalogue, setup
from lazymmu.pytest_plugin.guests import Guests, arguments
from lazymmu.reports import plain
from lazymmu.results import known_issues
from lazymmu.results.known_issues import KnownIssue
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.results.run_summary import RunSummary
from lazymmu.results.store import ResultStore
from lazymmu.scenario import load
from lazymmu.session import known_file, requests
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.session.selection import Selection, applicable, chosen_apis, chosen_kernels
from lazymmu.subject.case import values_text
from lazymmu.support.errors import LazymmuError

_SUFFIXES = (".yaml", ".yml")


class _Run(Struct, frozen=True):
    """What all tests of a pytest process have in common."""

    arguments: Namespace
    selection: Selection
    started: datetime


_RUN = pytest.StashKey[_Run]()


def pytest_configure(config: pytest.Config) -> None:
    """Check the flags, so that a mistake in them is not one in each file."""
    given = arguments(config)
    selection = requests.selection(given)
    try:
        chosen(selection.arches), chosen_apis(selection), chosen_kernels(selection)
    except LazymmuError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[_RUN] = _Run(given, selection, datetime.now(UTC))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.File | None:
    """Collect a scenario file that was named, or whose name matches `lazymmu_files`."""
    patterns = parent.config.getini("lazymmu_files")
    is_meant = parent.session.isinitpath(file_path) or any(file_path.match(pattern) for pattern in patterns)
    return ScenarioFile.from_parent(parent, path=file_path) if is_meant and file_path.suffix in _SUFFIXES else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say so if guests of one machine may have run in several processes."""
    mode = config.getoption("dist", "no")
    if mode not in ("no", "loadgroup"):
        terminalreporter.write_line(
            f"lazymmu: with --dist {mode}, each process starts guests of each machine; with --dist loadgroup, one "
            "process does"
        )


class ScenarioFile(pytest.File):
    """A scenario file."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each unit that the flags select. Raises CollectError for a mistake in the file."""
        path = os.path.relpath(self.path)
        # No name of the library begins with a dot.
        path = path if path.startswith("../") else f"./{path}"
        try:
            units = applicable(load([path], requests.library()), self.config.stash[_RUN].selection)
        except LazymmuError as error:
            raise self.CollectError(str(error)) from None
        for unit in units:
            yield ScenarioCase.from_parent(self, name=_name(unit), callobj=_check, unit=unit)


class ScenarioCase(pytest.Function):
    """A test that is one unit."""

    def __init__(self, *, unit: Unit, **others: Any) -> None:
        super().__init__(**others)
        self.unit = unit
        self.extra_keyword_matches.update(unit.scenario.tags)
        if self.config.pluginmanager.hasplugin("xdist"):
            self.add_marker(pytest.mark.xdist_group(unit.machine))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place of the first step, and the name that all reports have."""
        line = next((step.place.line for step in self.unit.case.walk()), 1)
        return self.path, line - 1, self.unit.label()


def _name(unit: Unit) -> str:
    """Return a name such as `deep:depth=3:merged@arm64`.

    Its end is the name of a group for `--dist loadgroup`: xdist 3.8 does not add that under pytest 9.
    """
    words = (Path(unit.path).stem, values_text(unit.values), unit.under_test(), unit.other_personality)
    return f"{':'.join(filter(None, words))}@{unit.machine}".replace(" ", "-")


def _units(session: pytest.Session) -> list[Unit]:
    return [item.unit for item in session.items if isinstance(item, ScenarioCase)]


@pytest.fixture(scope="session")
def _lazymmu_known(request: pytest.FixtureRequest) -> tuple[KnownIssue, ...]:
    """Read the known failures."""
    path = request.config.stash[_RUN].arguments.known
    try:
        return known_file.load(path, requests.library(), _units(request.session)) if path else ()
    except LazymmuError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture
def _lazymmu_result(
    request: pytest.FixtureRequest, _lazymmu_known: tuple[KnownIssue, ...], lazymmu_guests: Guests
) -> Result:
    """Run the unit of the test that asks for it, and return its result. Fails if that is an error."""
    run, unit = request.config.stash[_RUN], request.node.unit
    result = _result(request.session, run, unit, lazymmu_guests)
    result = known_issues.excused(_lazymmu_known, unit, result, run.started.date())
    if result.outcome is Outcome.ERROR:
        _report(run, unit, result, _lazymmu_known)
    return result


def _check(request: pytest.FixtureRequest, _lazymmu_known: tuple[KnownIssue, ...], _lazymmu_result: Result) -> None:
    """End the test as the result says."""
    if _lazymmu_result.outcome is Outcome.SKIP:
        pytest.skip(_lazymmu_result.reason)
    if _lazymmu_result.known:
        # It does nothing with --runxfail.
        pytest.xfail(_lazymmu_result.known)
    _report(request.config.stash[_RUN], request.node.unit, _lazymmu_result, _lazymmu_known)


def _result(session: pytest.Session, run: _Run, unit: Unit, guests: Guests) -> Result:
    """Return the result of a unit, an error if no guest could run it."""
    scenario = replace(unit.scenario, cases=(unit.case,))
    try:
        guest = guests(unit.arch, unit.kernel)
        results = guest.run(scenario, api=unit.api, impl=unit.impl, personality=unit.given_personality)
    except (LazymmuError, OSError) as error:
        # As the runner does, skip what the flags do not name, if there are other machines.
        kernel, arches = catalogue.kernel(unit.kernel), {one.arch for one in _units(session)}
        refused = setup.contents(requests.cache(), kernel, arches, lambda known: known.is_recent()).refused
        if unit.arch not in refused or unit.arch in run.selection.arches or arches <= refused.keys():
            return PreparedUnit(unit).failed(error)
        return Result.of(unit, Outcome.SKIP, f"guests for {unit.arch} are not available: {refused[unit.arch]}")
    if len(results) != 1:
        return PreparedUnit(unit).failed(LazymmuError(f"{unit.machine}: its guest ended without a result"))
    return replace(results[0], number=unit.index)


def _report(run: _Run, unit: Unit, result: Result, issues: Sequence[KnownIssue]) -> None:
    """Fail with the runner's explanation, unless the result is a pass that no entry of --known denies."""
    store = ResultStore([unit])
    store.add(result)
    known = [known_issues.checked(issue, store, run.started.date()) for issue in issues]
    summary = RunSummary(store, False, {}, run.started, 0, known=known, facts={"arguments": vars(run.arguments)})
    lines = [f"{broken.issue.place}: {broken.message}" for broken in summary.broken_entries()]
    lines += [line for group in summary.groups for line in plain.explanation(summary, group)]
    if lines or result.raw_outcome is not Outcome.PASS:
        pytest.fail("\n".join(lines), pytrace=False)
