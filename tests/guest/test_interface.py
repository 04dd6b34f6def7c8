# SPDX-License-Identifier: GPL-2.0-only
"""The public interface on real guests: `run`, and a `Guest` that runs one thing after the other."""

import os
import signal
from pathlib import Path

import lazymmu
import pytest
from lazymmu import Outcome

from tests.guest.processes import gone, qemus
from tests.unit import examples


def test_results_come_in_the_order_of_predictions() -> None:
    predictions = lazymmu.predict("nesting", arch=["s390x", "x86_64"], api="merged")
    results = lazymmu.run("nesting", arch=["s390x", "x86_64"], api="merged")
    assert [result.label() for result in results] == [one.unit.label() for one in predictions]
    assert {result.outcome for result in results} == {Outcome.PASS}
    assert [result.observed for result in results] == [one.trace for one in predictions]


def test_the_second_example_of_the_documents_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(examples.documented()[1], {})  # noqa: S102  (our own page)
    assert "nesting/two-levels merged on s390x pass efl\n" in capsys.readouterr().out


def test_what_cannot_be_run_is_a_result_too() -> None:
    with lazymmu.Guest("s390x") as guest:
        for results in (
            lazymmu.run("nesting/single", arch="s390x", api="merged", impl="native"),
            guest.run("nesting/single", api="merged", impl="native"),
        ):
            (result,) = results
            assert (result.outcome, "has no nested lazy MMU mode" in result.reason) == (Outcome.ERROR, True)


def test_a_guest_runs_one_thing_after_the_other_and_is_replaced_when_it_dies(tmp_path: Path) -> None:
    failing = examples.scenario(tmp_path, "description: x\nsteps: [enable, disable]\nexpect: {hooks: f}\n")
    with lazymmu.Guest("s390x") as guest:
        first = guest.connection
        assert "s390x" in guest.release
        assert {result.outcome for result in guest.run("nesting", api="all")} == {Outcome.PASS}
        assert guest.connection is first
        (victim,) = qemus(os.getpid()).values()
        os.kill(victim, signal.SIGKILL)
        (result,) = guest.run("nesting/single", api="merged")
        assert (result.outcome, "QEMU exited" in result.reason) == (Outcome.ERROR, True)
        (result,) = guest.run(failing, api="merged")
        assert (result.outcome, result.release) == (Outcome.FAIL, guest.release)
        assert guest.connection is not first
        pids = list(qemus(os.getpid()).values())
    assert gone(pids)
