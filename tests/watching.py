# SPDX-License-Identifier: GPL-2.0-only
"""A `lazymmu run --watch` under way, for tests: what it says is read line by line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# Seconds for all that one watch does.
_LIMIT = 180.0


class Watch:
    """The process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._said: list[str] = []

    def until(self, text: str) -> list[str]:
        """Wait for a line with this text; return the lines from the last wait to it."""
        assert self._process.stdout is not None
        lines: list[str] = []
        for line in self._process.stdout:
            lines.append(line.rstrip("\n"))
            self._said.append(line)
            if text in line:
                return lines
        raise AssertionError(f"it ended without {text!r}: {''.join(self._said)}")

    def interrupt(self, number: int = signal.SIGINT) -> int:
        """Interrupt it, and return its exit status."""
        self._process.send_signal(number)
        return self._process.wait(30)


@contextmanager
def watching(checkout: Path, state: Path, *arguments: str, extra: Mapping[str, str] | None = None) -> Iterator[Watch]:
    """Run `lazymmu run --watch` of a checkout for the length of a `with`."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "harness"), "XDG_STATE_HOME": str(state), **(extra or {})}
    process = subprocess.Popen(
        # A shell's background job ignores SIGINT, and hands that down to us and ours.
        ["env", "--default-signal=INT", sys.executable, "-P", "-m", "lazymmu", "run", "--watch", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=checkout,
    )
    # A watch that never says what a test waits for.
    limit = threading.Timer(_LIMIT, process.kill)
    limit.start()
    with process:
        try:
            yield Watch(process)
        finally:
            limit.cancel()
            process.kill()
