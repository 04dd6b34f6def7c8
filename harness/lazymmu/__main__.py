# SPDX-License-Identifier: GPL-2.0-only
"""`python -m harness`: the command line as a program."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Run the command line.

    Until it is loaded, an interrupt ends the process at once: what is raised while a library in C looks for something
    may be taken for its absence, and the interrupt would be lost.
    """
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from lazymmu.cli import main as command_line  # noqa: PLC0415

    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return command_line()


if __name__ == "__main__":
    sys.exit(main())
