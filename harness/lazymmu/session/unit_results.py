# SPDX-License-Identifier: GPL-2.0-only
"""What became of a unit: its result from a guest's answer, from an error in place of one, or from the model's skip."""

from __future__ import annotations

from lazymmu.protocol import report
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session.verdict import judge
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Skip, Trace
from lazymmu.support.errors import GuestError, LazymmuError


def skipped(unit: Unit, skip: Skip, *, release: str = "") -> Result:
    """Return the result of a unit that the model says cannot run: it is a property of the scenario."""
    return Result.of(unit, Outcome.SKIP, skip.reason, release=release, details=f"{skip.step.place}: {skip.step.op}")


def without_report(
    unit: Unit,
    error: LazymmuError | OSError,
    *,
    release: str = "",
    predicted: Trace | None = None,
    seconds: float = 0.0,
) -> Result:
    """Return the result of a unit that ended without a whole report: a skip if no guest could have run it."""
    if predicted is None:
        said = predict(unit.case, unit.api, unit.personality, unit.impl)
        if isinstance(said, Skip):
            return skipped(unit, said, release=release)
        predicted = said
    return Result.of(
        unit,
        Outcome.ERROR,
        str(error),
        release=release,
        predicted=predicted,
        seconds=seconds,
        details=error.details if isinstance(error, GuestError) else "",
    )


def of_answer(unit: Unit, answer: AgentReply, predicted: Trace, *, run: int, release: str, seconds: float) -> Result:
    """Return the result of a unit whose guest answered; `run` is the number of its run in the report."""
    try:
        observed = report.parse(answer, unit.case, run=run, api=unit.api, personality=unit.personality, impl=unit.impl)
    except GuestError as error:
        return without_report(unit, error, release=release, predicted=predicted, seconds=seconds)
    differences = tuple(judge(unit, predicted, observed))
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
