# SPDX-License-Identifier: GPL-2.0-only
"""Interrupts are noted and delayed; an ignored signal stays ignored."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Timer

import pytest
from lazymmu.support.interrupts import Interrupts, importing

NUMBERS = (signal.SIGINT, signal.SIGTERM)


def interrupt() -> None:
    """Interrupt this process in each way, twice."""
    for number in NUMBERS * 2:
        os.kill(os.getpid(), number)


def test_interrupts_are_noted_and_end_a_wait() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with Interrupts.noted() as interrupts:
        assert not interrupts.came
        timer = Timer(0.05, interrupt)
        timer.start()
        interrupts.wait()
        timer.join()
        assert interrupts.came
    assert [signal.getsignal(number) for number in NUMBERS] == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts.noted() as interrupts:
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupts.came
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_during_an_import_is_raised_after_it() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), importing():
        interrupt()
        steps.append("imported")
    assert steps == ["imported"]


def test_another_thread_than_the_main_one_notes_nothing_and_changes_nothing() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]

    def note() -> bool:
        with Interrupts.noted() as interrupts:
            interrupts.notify()
            interrupts.wait()
            return interrupts.came or [signal.getsignal(number) for number in NUMBERS] != before

    with ThreadPoolExecutor() as pool:
        assert pool.submit(note).result() is False
