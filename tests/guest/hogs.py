# SPDX-License-Identifier: GPL-2.0-only
"""A busy host, for tests of what it must not be taken for."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hogs() -> Iterator[None]:
    """Keep every processor of the host busy for the length of a `with`."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 2)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
