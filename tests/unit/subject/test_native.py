# SPDX-License-Identifier: GPL-2.0-only
"""What the model says is seen of the running kernel's own implementation (docs/native.md)."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from lazymmu.subject.counters import HOOKS
from lazymmu.subject.implementations import NATIVE
from lazymmu.subject.operations import CALLS
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Trace
from lazymmu.support.errors import UsageError

from tests.unit import examples

WRITES = """\
description: Writes of a task, and a switch to another one.
tasks: {other: {cpu: 1}}
steps:
  - enable
  - set_pte: {index: 0, value: 0x1000}
  - set_pte: {index: 0, value: 0x1001}
  - touch: 0
  - switch: other
  - get_pte: 0
  - switch: main
  - enable
  - disable
"""


def native(tmp_path: Path, text: str, arch: str) -> Trace:
    said = predict(examples.case(tmp_path, text), "merged", arch, NATIVE)
    assert isinstance(said, Trace)
    return said


def test_what_is_not_seen_is_in_no_part_of_the_trace(tmp_path: Path) -> None:
    for arch in ("arm64", "x86_64"):
        trace = native(tmp_path, WRITES, arch)
        document = trace.to_json(steps=True)
        assert set(document) == {"hooks", "hook_active", "counters", "tasks", "steps"}
        assert set(document["counters"]) == {*CALLS, *HOOKS.values()}
        for step in document["steps"]:
            assert not {"outstanding", "value"} & set(step)
            assert set(step["counters"]) <= {*CALLS, *HOOKS.values()}
        assert msgspec.convert(document, Trace, str_keys=True) == trace


def test_everything_else_is_as_the_rules_have_it(tmp_path: Path) -> None:
    for arch in ("arm64", "x86_64"):
        whole = predict(examples.case(tmp_path, WRITES), "merged", arch)
        seen = native(tmp_path, WRITES, arch)
        assert isinstance(whole, Trace)
        assert (seen.hooks, seen.hook_active) == (whole.hooks, whole.hook_active) == ("ef", "11")
        assert [(step.op, step.task, step.active) for step in seen.steps] == [
            (step.op, step.task, step.active) for step in whole.steps
        ]


def test_arm64_shows_the_pending_flag_of_each_task(tmp_path: Path) -> None:
    trace = native(tmp_path, WRITES, "arm64")
    # An invalid value needs no barrier; a switch leaves the flag; the nested disable's flush clears it.
    flags = [(step.op, step.task, step.state["pending"]) for step in trace.steps]
    assert flags == [
        ("enable", "main", False),
        ("set_pte", "main", False),
        ("set_pte", "main", True),
        ("touch", "main", True),
        ("switch", "other", False),
        ("get_pte", "other", False),
        ("switch", "main", True),
        ("enable", "main", True),
        ("disable", "main", False),
    ]
    assert trace.tasks["main"] == {"enable_count": 1, "pause_count": 0, "pending": False, "active": True}


def test_x86_64_has_no_state_of_its_own(tmp_path: Path) -> None:
    trace = native(tmp_path, WRITES, "x86_64")
    assert trace.tasks["main"] == {"enable_count": 1, "pause_count": 0, "active": True}


def test_a_fork_cannot_be_predicted(tmp_path: Path) -> None:
    forking = "description: x\nsteps: [fork: child, switch: child]\n"
    with pytest.raises(UsageError, match="no operation fork"):
        native(tmp_path, forking, "arm64")
