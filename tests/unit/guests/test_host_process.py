# SPDX-License-Identifier: GPL-2.0-only
"""What the host tells of processes, asked of real ones; and how silence is counted from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from lazymmu.guests import host_process
from lazymmu.guests.watchdog import SILENCE, Watchdog
from lazymmu.support.deadline import Deadline


def test_a_program_is_found_below_another_and_its_state_is_told() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout
        sleeping = int(shell.stdout.readline())
        # The shell has forked; exec comes a moment later.
        end = time.monotonic() + 60
        while host_process.find(shell.pid, "sleep") is None and time.monotonic() < end:
            pass
        assert host_process.find(shell.pid, "sleep") == sleeping
        assert host_process.find(shell.pid, "nothing") is None
        assert not host_process.is_stopped(sleeping)
        os.kill(sleeping, signal.SIGSTOP)
        while not host_process.is_stopped(sleeping) and time.monotonic() < end:
            pass
        assert host_process.is_stopped(sleeping)
        os.kill(sleeping, signal.SIGKILL)
        shell.wait()
    assert host_process.find(shell.pid, "sleep") is None


def test_time_in_which_the_guest_got_no_processor_is_no_silence() -> None:
    # Several processes on one processor: each waits most of the time, as a guest does on a busy host.
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(4)]
    try:
        patience = Watchdog(lambda: busy[0].pid, Deadline.after(60), scale=0.25)
        begin = time.monotonic()
        while (why := patience.look()) is None:
            time.sleep(patience.until_look())
        seconds = time.monotonic() - begin
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert why.startswith("silent for ")
    # Less than a second of its own time is several of the host's.
    assert seconds > 1.5 * SILENCE * 0.25
    assert patience.lost > seconds / 4


def test_a_host_that_gave_the_guest_no_processor_is_what_is_blamed_at_the_deadline() -> None:
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(6)]
    try:
        patience = Watchdog(lambda: busy[0].pid, Deadline.after(3), scale=100)
        while (why := patience.look()) is None:
            time.sleep(patience.until_look())
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert patience.starved()
    assert why.startswith("the host is too slow: QEMU waited ")


def test_a_harness_that_stood_still_itself_does_not_blame_the_guest() -> None:
    patience = Watchdog(lambda: None, Deadline.after(60), scale=0.2)
    # As after Ctrl-Z and fg: much longer than a second, and nothing was heard.
    time.sleep(1.5)
    assert patience.look() is None
