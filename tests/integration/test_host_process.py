# SPDX-License-Identifier: GPL-2.0-only
"""Facts about real processes, and a watchdog that uses them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lazymmu.guests import host_process
from lazymmu.guests.watchdog import SILENCE, Watchdog
from lazymmu.support.deadline import Deadline


def test_a_program_is_found_among_descendants_and_a_stopped_process_is_recognised() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout
        sleeping = int(shell.stdout.readline())
        end = time.monotonic() + 60
        # The shell forks, and calls exec a moment later.
        while host_process.find_program(shell.pid, "sleep") is None and time.monotonic() < end:
            pass
        assert host_process.find_program(shell.pid, "sleep") == sleeping
        assert host_process.find_program(shell.pid, "nothing") is None
        assert not host_process.is_stopped(sleeping)
        os.kill(sleeping, signal.SIGSTOP)
        while not host_process.is_stopped(sleeping) and time.monotonic() < end:
            pass
        assert host_process.is_stopped(sleeping)
        os.kill(sleeping, signal.SIGKILL)
        shell.wait()
    assert host_process.find_program(shell.pid, "sleep") is None


@contextmanager
def crowded() -> Iterator[int]:
    """Run four busy processes on one processor; yield the id of one."""
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(4)]
    try:
        yield busy[0].pid
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_a_watchdog_notices_that_a_real_process_gets_no_processor() -> None:
    with crowded() as process:
        guard = Watchdog(lambda: process, Deadline.after(60), scale=0.25)
        begin = time.monotonic()
        while guard.look() is None:
            time.sleep(guard.until_look())
        seconds = time.monotonic() - begin
    # Less than a second of the process's own time is several of the host's.
    assert seconds > 1.5 * SILENCE * 0.25
    assert guard.lost > seconds / 4
