# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own KUnit suites in a run: which there are, and the result of one from what it prints.

A suite runs in the same guests as the scenarios, when the agent writes to its file in debugfs. It is a unit of the
implementation `kunit`, without steps and without a prediction: it has its own expectations.
"""

import os
from collections.abc import Iterator, Mapping, Sequence

from lazymmu.guests.agent_connection import complaint
from lazymmu.protocol import kunit_report
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.protocol.kunit_report import KunitReport, KunitTest
from lazymmu.provision import catalogue, kunit_suites
from lazymmu.provision.catalogue import Kernel
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.session.selection import Selection, arches_of, chosen_apis, chosen_kernels
from lazymmu.subject.case import Case, Scenario
from lazymmu.subject.implementations import KUNIT
from lazymmu.support.errors import GuestError, UsageError
from lazymmu.support.lists import some_of

#: The revision of the kernels that have such suites.
_API = "merged"
_FOLDER = "kunit"
# How much of a failed suite is explained: that many tests, and lines of each. `ktap` has all.
_NAMED, _LINES = 5, 12


def only(selection: Selection) -> bool:
    """Return whether suites are all that is selected."""
    return {*selection.impls} == {KUNIT}


def units(selection: Selection, first: int, *, repeat: int = 1) -> tuple[Unit, ...]:
    """Return the suites of the selected kernels; the first unit's index is `first`.

    Raises UsageError if --impl asks for them and there is none.
    """
    is_named = KUNIT in selection.impls
    narrowed = selection.impls or selection.tags or selection.personality is not None
    wanted = is_named or (not narrowed and _API in chosen_apis(selection))
    found = [
        (scenario, arch, kernel.name, number)
        for kernel in (chosen_kernels(selection) if wanted else ())
        for arch in arches_of(kernel, selection.arches)
        for scenario in _scenarios(kernel, arch)
        for number in range(1, repeat + 1)
    ]
    if is_named and not found:
        raise UsageError(
            f"--impl {KUNIT}: no selected kernel has a KUnit suite of lazy MMU mode",
            hint=f"`lazymmu kernel build TREE --debug {KUNIT}` builds one, and --kernel PATH selects it",
        )
    return tuple(
        Unit(scenario, 0, _API, arch, KUNIT, kernel, number if repeat > 1 else None, index)
        for index, (scenario, arch, kernel, number) in enumerate(found, first)
    )


def _scenarios(kernel: Kernel, arch: str) -> Iterator[Scenario]:
    """Yield a scenario without steps for each suite of a kernel."""
    for suite in kunit_suites.suites(kernel.own[arch]) if arch in kernel.own else ():
        yield Scenario(
            name=f"{_FOLDER}/{suite.name}",
            path=str(suite.source),
            description=f"The KUnit suite {suite.name} of the kernel.",
            tags=(),
            kernel_warnings=True,
            apis=(_API,),
            arches=(arch,),
            cases=(Case({}, ()),),
        )


def refusal(unit: Unit) -> str:
    """Return why a unit that is a suite cannot be run; empty if it can be, or if it is none."""
    own = catalogue.kernel(unit.kernel).own if unit.impl == KUNIT else {}
    every = kunit_suites.suites(own[unit.arch]) if own else ()
    return next((suite.refusal for suite in every if suite.name == _suite(unit)), "")


def _suite(unit: Unit) -> str:
    return unit.scenario.name.removeprefix(f"{_FOLDER}/")


class PreparedSuite(PreparedUnit):
    """A unit that is a suite."""

    verb = KUNIT
    predicted = None
    length = 0

    def program(self, run: int) -> bytes:
        """Return the name of the suite."""
        return _suite(self.unit).encode()

    def complaint(self, reply: AgentReply) -> str | None:
        """Return what the kernel complained of, if the suite passed all the same: a test that fails may complain."""
        return None if self._failed(reply) else complaint(reply, warnings_allowed=True, errors_allowed=True)

    def _failed(self, reply: AgentReply) -> bool:
        try:
            return any(not test.passed for test in self._report(reply).tests)
        except GuestError:
            return False

    def _report(self, reply: AgentReply) -> KunitReport:
        if reply.status:
            raise GuestError(f"KUnit suite {_suite(self.unit)} could not be run: {os.strerror(reply.status)}")
        return kunit_report.parse([text for _, text in reply.foreign], _suite(self.unit))

    def judged(
        self, reply: AgentReply, complaints: Mapping[str, int], *, run: int, release: str, seconds: float
    ) -> Result:
        """Return the result from what the suite printed."""
        try:
            report = self._report(reply)
        except GuestError as error:
            return self.failed(error, release=release, seconds=seconds)
        failed = [test for test in report.tests if not test.passed]
        outcome = Outcome.FAIL if failed else Outcome.SKIP if report.suite.skipped is not None else Outcome.PASS
        names = some_of([test.name for test in failed], _NAMED)
        reason = f"KUnit: {len(failed)} of {len(report.tests)} tests failed: {names}" if failed else ""
        facts = {"release": release, "seconds": seconds, "details": "\n".join(_begin(failed)), "ktap": report.ktap}
        return Result.of(self.unit, outcome, reason or report.suite.skipped or "", **facts)


def _begin(failed: Sequence[KunitTest]) -> Iterator[str]:
    """Yield the first lines that failed tests printed; one wrong call fails many expectations."""
    for test in failed[:_NAMED]:
        yield from test.lines[:_LINES]
        if test.lines[_LINES:]:
            yield f"    ({len(test.lines) - _LINES} more lines)"


def prepared(unit: Unit) -> PreparedUnit:
    """Return a unit that is prepared to run, of whatever kind it is."""
    return (PreparedSuite if unit.impl == KUNIT else PreparedUnit)(unit)
