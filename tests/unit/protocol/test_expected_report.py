# SPDX-License-Identifier: GPL-2.0-only
"""The report that a guest compares with is the one that the parser reads, for every case of the library."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable

from lazymmu.protocol import expected_report, report
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.scenario import load
from lazymmu.session.selection import Selection, units
from lazymmu.shell import library
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Skip, Trace
from lazymmu.support.project import LIBRARY
from msgspec.structs import replace


def test_what_is_written_of_a_trace_is_read_as_that_trace(everyday_or_all: Callable[[int, int], int]) -> None:
    selected = units(load([], LIBRARY), Selection(apis=("all",)))
    # One of each scenario, and of the others, whose architectures and revisions take turns, no multiple of 2, 3 or 5.
    some = [*{unit.scenario.name: unit for unit in selected}.values(), *selected[:: everyday_or_all(7, 1)]]
    assert len(some) > 200
    for unit in some:
        case = unit.case
        trace = predict(case, unit.api, unit.personality)
        if isinstance(trace, Skip):
            continue
        steps = sum(1 for _ in case.walk())
        lines = expected_report.lines(trace, run=9, api=unit.api, personality=unit.personality, steps=steps)
        answer = AgentReply(status=0, records=tuple(f"lazymmu: {line}" for line in lines), foreign=())
        assert report.parse(answer, case, run=9, api=unit.api, personality=unit.personality) == trace, unit.label()


def test_a_table_that_is_not_empty_is_written_in_order() -> None:
    unit = units(load(["nesting/single"], LIBRARY), Selection(arches=("arm64",), apis=("merged",)))[0]
    predicted = predict(unit.case, unit.api, unit.arch)
    assert isinstance(predicted, Trace)
    trace = replace(predicted, table={9: 4097, 3: 1}, outstanding=2)
    lines = expected_report.lines(trace, run=1, api=unit.api, personality=unit.personality, steps=1)
    assert "run 1 table outstanding=2 entries=2" in lines
    assert "run 1 entries 3:1,9:4097" in lines


def test_the_archive_has_each_case_where_run_scenario_looks_for_it() -> None:
    selection = Selection(arches=("s390x",), apis=("merged",))
    packed = library.archive(units(load(["nesting/deep"], LIBRARY), selection))
    # The same cases are the same bytes.
    assert packed == library.archive(units(load(["nesting/deep"], LIBRARY), selection))
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as tar:
        texts = {member.name: tar.extractfile(member).read().decode() for member in tar}  # type: ignore[union-attr]
    cases = sorted(name.removesuffix(".program") for name in texts if name.endswith(".program"))
    assert cases[0] == "merged/nesting/deep/00000" and len(texts) == 3 * len(cases)
    for number, case in enumerate(cases, start=1):
        assert f"\nrun {number}\n" in texts[f"{case}.program"]
        assert texts[f"{case}.report"].startswith(f"run {number} begin revision=merged personality=s390x ")
        assert texts[f"{case}.values"].startswith("[")
