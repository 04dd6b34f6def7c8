# SPDX-License-Identifier: GPL-2.0-only
"""A running `lazymmu run --watch`, for tests, which read its output line by line."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# Seconds after which a watch is killed, in case it never prints what a test waits for.
_LIMIT = 180.0


class Watch:
    """The process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._output: list[str] = []

    def until(self, text: str) -> list[str]:
        """Wait for a line with this text; return the lines since the last wait."""
        assert self._process.stdout is not None
        lines: list[str] = []
        for line in self._process.stdout:
            lines.append(line.rstrip("\n"))
            self._output.append(line)
            if text in line:
                return lines
        raise AssertionError(f"the watch ended without {text!r}: {''.join(self._output)}")

    def interrupt(self, number: int = signal.SIGINT) -> int:
        """Interrupt the process; return its exit status."""
        self._process.send_signal(number)
        return self._process.wait(30)


@contextmanager
def watching(checkout: Path, state: Path, *arguments: str, extra: Mapping[str, str] | None = None) -> Iterator[Watch]:
    """Run `lazymmu run --watch` of a checkout for the length of a `with`."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "harness"), "XDG_STATE_HOME": str(state), **(extra or {})}
    process = subprocess.Popen(
        # Background jobs of a shell ignore SIGINT, and so do their children.
        ["env", "--default-signal=INT", sys.executable, "-P", "-m", "lazymmu", "run", "--watch", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=checkout,
    )
    limit = threading.Timer(_LIMIT, process.kill)
    limit.start()
    with process:
        try:
            yield Watch(process)
        finally:
            limit.cancel()
            process.kill()
