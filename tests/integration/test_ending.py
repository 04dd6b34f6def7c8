# SPDX-License-Identifier: GPL-2.0-only
"""A report that goes to a pipe which nobody reads."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from lazymmu.support.interrupts import WRITE_LIMIT, Interrupts

from tests.unit import runs
from tests.unit.session.test_ending import ended, recorded_status


def test_an_interrupt_ends_the_writing_to_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    out, summary = tmp_path / "out", runs.summary(runs.selected(tmp_path / "library"), [])
    os.mkfifo(tmp_path / "pipe")
    given_up = Event()

    def ask() -> None:
        while not given_up.wait(WRITE_LIMIT / 4):
            os.kill(os.getpid(), signal.SIGTERM)  # SIGINT may be ignored, in a background job

    with Interrupts.noted(), ThreadPoolExecutor() as pool:
        pool.submit(ask)
        try:
            status, _ = ended(out, summary, {"--ktap": str(tmp_path / "pipe"), "--json": str(tmp_path / "json")})
        finally:
            given_up.set()
    assert status == recorded_status(out) == 130
    assert (tmp_path / "json").exists()
