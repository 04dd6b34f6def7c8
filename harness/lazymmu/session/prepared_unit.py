# SPDX-License-Identifier: GPL-2.0-only
"""A unit that is prepared to run, and its Result: from the guest's reply, or from an error."""

from collections.abc import Mapping
from functools import cached_property

from lazymmu.guests.agent_connection import complaint
from lazymmu.protocol import program, report
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session import kernel_checks
from lazymmu.session.verdict import judge
from lazymmu.subject.case import Case
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import GuestError, LazymmuError


class PreparedUnit:
    """A unit, with its case and its prediction, which are made when they are needed, and once."""

    #: The agent's request that runs it.
    verb = "run"

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    @property
    def predicted(self) -> Trace | None:
        """The prediction as the result has it."""
        return self.prediction

    @property
    def length(self) -> int:
        """How many steps it has."""
        return len(self.prediction.steps)

    def complaint(self, reply: AgentReply) -> str | None:
        """Return what the kernel complained of that the scenario does not allow; None if it did not."""
        return complaint(reply, warnings_allowed=self.unit.scenario.kernel_warnings)

    @cached_property
    def case(self) -> Case:
        """The case with its steps."""
        return self.unit.case

    @cached_property
    def prediction(self) -> Trace:
        """What the model predicts."""
        return predict(self.case, self.unit.api, self.unit.personality, self.unit.impl)

    def program(self, run: int) -> bytes:
        """Return the program for a guest; `run` is the number of its run, which the report repeats."""
        unit = self.unit
        text = program.text(self.case, run=run, api=unit.api, personality=unit.personality, impl=unit.impl)
        return text.encode("ascii")

    def failed(self, error: LazymmuError | OSError, *, release: str = "", seconds: float = 0.0) -> Result:
        """Return the result if an error prevents a report."""
        return Result.of(
            self.unit,
            Outcome.ERROR,
            str(error),
            release=release,
            predicted=self.predicted,
            seconds=seconds,
            details=error.details if isinstance(error, GuestError) else "",
            step_place=error.place if isinstance(error, GuestError) else None,
        )

    def judged(
        self, reply: AgentReply, complaints: Mapping[str, int], *, run: int, release: str, seconds: float
    ) -> Result:
        """Return the result from a guest's reply; `run` is the number that its program had.

        `complaints` are those of the kernel that the module should have counted, by counter.
        """
        unit = self.unit
        try:
            observed = report.parse(
                reply, self.case, run=run, api=unit.api, personality=unit.personality, impl=unit.impl
            )
            if wrong := kernel_checks.difference(unit, observed.counters, complaints):
                raise GuestError(f"{unit.machine}: {wrong}")
        except GuestError as error:
            return self.failed(error, release=release, seconds=seconds)
        predicted = self.prediction
        if checks := observed.counters.keys() - predicted.counters.keys():
            predicted = predict(self.case, unit.api, unit.personality, unit.impl, checks)
        differences = tuple(judge(unit, self.case, predicted, observed))
        return Result.of(
            unit,
            Outcome.FAIL if differences else Outcome.PASS,
            str(differences[0]) if differences else "",
            release=release,
            predicted=predicted,
            observed=observed,
            seconds=seconds,
            parts=differences,
        )
