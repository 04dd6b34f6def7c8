# SPDX-License-Identifier: GPL-2.0-only
"""The program: `python -m lazymmu`, and the command of an installed package."""

import gc
import signal
import sys

# New objects until Python looks for cycles among them. Most live as long as the command, and with Python's own 700 it
# spends a tenth of its time on the search.
OBJECTS_BETWEEN_COLLECTIONS = 20_000


def main() -> int:
    """Run the command line. Returns its exit status.

    Until it is imported, an interrupt ends the process at once: an import may treat an exception as
    "not found", and the interrupt would be lost.
    """
    if sys.platform != "linux" or sys.version_info < (3, 11):
        print("lazymmu: Linux and Python 3.11 or newer are needed", file=sys.stderr)
        return 3
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if raises:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from lazymmu.cli import main as command_line

    if raises:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return command_line()


if __name__ == "__main__":
    sys.exit(main())
