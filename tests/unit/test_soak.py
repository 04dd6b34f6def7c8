# SPDX-License-Identifier: GPL-2.0-only
"""The soak's own judgement: what it takes for a right outcome."""

from __future__ import annotations

import re

import pytest

from tests.soak.faults import FAULTS, Fault
from tests.soak.interrupts import finished
from tests.soak.one_fault_each import Trial

_BY_NAME = {fault.name: fault for fault in FAULTS}


def mistakes(fault: Fault, output: str, outcome: str | None) -> list[str]:
    return Trial(fault, "s390x", fault.status, output, outcome, 0.0, ()).mistakes(times=False)


def test_every_fault_demands_a_text() -> None:
    # A process that is killed says nothing.
    assert [fault.name for fault in FAULTS if not fault.says] == ["SIGKILL"]


def test_where_a_guest_ran_there_must_be_results() -> None:
    panic = _BY_NAME["panic"]
    said = "the guest died: kernel panic: on purpose"
    assert mistakes(panic, said, "error") == []
    assert mistakes(panic, said, None) == ["the unit is a None, not a error"]
    assert mistakes(panic, said, "pass") == ["the unit is a pass, not a error"]
    lock = _BY_NAME["lock file damaged"]
    assert mistakes(lock, "lts.json is damaged", None) == []
    assert mistakes(_BY_NAME["a typing mistake"], "b_flush.yaml:2:9: x: did you mean `flush`", None) == []


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("the guest hangs: CPU 0 spins in run_step+0x1; last begun: step 1 flush", True),
        ("the guest hangs: CPU 0 runs in lmm_run+0x1; last begun: step 1 flush", True),
        ("the guest hangs: CPU 0 spins in lmm_run+0x1", False),
        ("run_step; last begun: step 1 flush", False),
    ],
)
def test_a_spin_is_named_by_place_and_step(said: str, right: bool) -> None:
    assert bool(re.search(_BY_NAME["spin with interrupts off"].says, said, re.DOTALL)) == right


def test_an_interrupted_run_did_not_finish() -> None:
    assert finished("5 pass, 0 fail, 0 error")
    assert not finished("3 pass, 0 fail, 0 error; interrupted")
    assert not finished("")
