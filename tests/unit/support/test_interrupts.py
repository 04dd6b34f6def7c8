# SPDX-License-Identifier: GPL-2.0-only
"""Interrupts are noted and delayed, and an ignored signal stays ignored."""

from __future__ import annotations

import os
import signal
from threading import Timer

from lazymmu.support.interrupts import Interrupts

NUMBERS = (signal.SIGINT, signal.SIGTERM)


def interrupt() -> None:
    """Interrupt this process in each way, twice."""
    for number in NUMBERS * 2:
        os.kill(os.getpid(), number)


def test_interrupts_are_noted_and_wake_who_waits() -> None:
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
