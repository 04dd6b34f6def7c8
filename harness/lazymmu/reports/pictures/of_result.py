# SPDX-License-Identifier: GPL-2.0-only
"""The picture of a result: what the model predicted and what a guest did, with the first difference marked."""

import re
from collections.abc import Sequence

from lazymmu.architecture import architectures
from lazymmu.reports.pictures.timeline import OBSERVED, PREDICTED, Timeline, timeline
from lazymmu.reports.plain import first_line
from lazymmu.results.result import Result
from lazymmu.subject.case import Case
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import UsageError

# The step in which a guest was lost, in a message.
_BEGUN = re.compile(r"(?:last begun|begun at least): step (\d+) ")


def of_result(case: Case, result: Result) -> Timeline:
    """Return the picture of a result of a case.

    Steps that the result does not have (of a pass, or where a guest was lost) are the model's. Raises UsageError if
    the case or the model is another one than that of the result.
    """
    predicted, observed = result.predicted, result.observed
    if predicted is None or not predicted.steps:
        personality = result.personality or architectures()[result.arch].personality
        now = predict(case, result.api, personality, result.impl)
        if predicted is not None and predicted.hooks != now.hooks:
            raise _changed(result)
        predicted = now
    traces = {PREDICTED: predicted}
    if observed is not None and observed.steps:
        traces[OBSERVED] = observed
    _check(result, case, list(traces.values()))
    if result.parts:
        return timeline(case, result.api, traces, marked=result.parts[0].step, mark=first_line(str(result.parts[0])))
    begun = _BEGUN.search(result.reason)
    marked = int(begun[1]) if begun else None
    return timeline(case, result.api, traces, marked=marked, mark=first_line(result.reason))


def _check(result: Result, case: Case, traces: Sequence[Trace]) -> None:
    operations = {step.index: step.op for step in case.walk()}
    if any(operations.get(record.index) != record.op for trace in traces for record in trace.steps):
        raise _changed(result)


def _changed(result: Result) -> UsageError:
    return UsageError(
        f"{result.label()}: since its run, the scenario or the model has changed", hint="run it again, and draw that"
    )
