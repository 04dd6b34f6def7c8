# SPDX-License-Identifier: GPL-2.0-only
"""`--max-failures` and `--max-time`: when a run stops, what its reports say, and that it is never green."""

import signal
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lazymmu.session.stopping import Stopping
from lazymmu.support.interrupts import Interrupts
from msgspec.structs import replace

from tests.unit import runs


def test_known_failures_and_passes_do_not_count(tmp_path: Path) -> None:
    run = runs.summary(runs.selected(tmp_path), ["fail", "pass", "error", "skip", "fail"])
    stopping = Stopping(max_failures=2, max_time=None)
    for result in [*runs.known(run, 0)[:2], run.results[3], run.results[2]]:
        stopping.note(result)
    assert (stopping.reason, stopping.is_full) == ("", False)
    with Interrupts.noted() as interrupts:
        stopping.ends(interrupts)
        assert not interrupts.came
        stopping.note(run.results[4])
        interrupts.wait()
        assert (interrupts.came, interrupts.was_signal, stopping.is_full) == (True, False, True)
    assert stopping.reason == "stopped after 2 failures"


def test_the_time_ends_a_preparation_and_what_comes_after_it() -> None:
    stopping = Stopping(max_failures=None, max_time=1)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ended = False
    with stopping.timed(time.monotonic() - 0.7, 1000):
        with stopping.preparing():
            signal.pause()
            ended = True
        with stopping.preparing():
            pass
        with Interrupts.noted() as interrupts:
            stopping.ends(interrupts)
            assert (interrupts.came, interrupts.was_signal) == (True, False)
    signal.signal(signal.SIGTERM, before[0])
    assert (ended, stopping.reason) == (False, "stopped by --max-time 1")
    assert signal.getsignal(signal.SIGALRM) == before[1]
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_an_interrupt_of_the_user_is_not_taken_for_the_time() -> None:
    stopping = Stopping(max_failures=None, max_time=1000)
    with pytest.raises(KeyboardInterrupt), stopping.timed(time.monotonic(), 1), stopping.preparing():
        signal.raise_signal(signal.SIGINT)


def test_reports_say_why_a_run_stopped_and_what_was_not_run(tmp_path: Path) -> None:
    run = runs.interrupted(runs.summary(runs.selected(tmp_path), ["fail"]), [0, 1])
    run = replace(run, stopped="stopped after 1 failure")
    said = "stopped after 1 failure: 2 of 8 were done, 6 were not run"
    assert run.progress() == said
    assert f"# {said}\n" in runs.written("ktap", run)
    assert said in runs.written("html", run)
    suites = ElementTree.fromstring(runs.written("junit", run))  # noqa: S314  (our own)
    assert {one.get("value") for one in suites.iter("property") if one.get("name") == "interrupted"} == {said}
    document = runs.document(run)
    assert (document["interrupted"], document["stopped"], document["selected"]) == (True, "stopped after 1 failure", 8)
