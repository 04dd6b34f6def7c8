# SPDX-License-Identifier: GPL-2.0-only
"""The report that a guest compares with is the one that the parser reads, for every case of the library."""

from collections.abc import Callable

from lazymmu.protocol import expected_report, report
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.session.selection import Selection, units
from lazymmu.subject.simulator import predict

from tests.unit.examples import library


def test_what_is_written_of_a_trace_is_read_as_that_trace(everyday_or_all: Callable[[int, int], int]) -> None:
    selected = units(library(), Selection(apis=("all",)))
    some = selected[:: everyday_or_all(71, 1)]
    assert len(some) > 50
    for unit in some:
        case = unit.case
        trace = predict(case, unit.api, unit.personality)
        steps = sum(1 for _ in case.walk())
        lines = expected_report.lines(trace, run=9, api=unit.api, personality=unit.personality, steps=steps)
        answer = AgentReply(status=0, records=tuple(f"lazymmu: {line}" for line in lines), foreign=())
        assert report.parse(answer, case, run=9, api=unit.api, personality=unit.personality) == trace, unit.label()
