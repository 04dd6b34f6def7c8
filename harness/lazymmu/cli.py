# SPDX-License-Identifier: GPL-2.0-only
"""The command line: arguments in, exit status out. What each command does stands in `harness/lazymmu/commands/`."""

from __future__ import annotations

import argparse
import io
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from lazymmu.arguments import parser, words_apart
from lazymmu.commands import COMMANDS, WATCH
from lazymmu.support.errors import INTERRUPTED, UNTESTABLE, LazymmuError, UsageError, print_error


def _on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _dispatch(argv: Sequence[str]) -> int:
    name = argv[0] if argv else ""
    if name == "test":
        # Everything behind it is pytest's; argparse would take flags for its own.
        return COMMANDS[name](argparse.Namespace(arguments=argv[1:]))
    own, words = words_apart(argv) if name == "shell" else (argv, ())
    arguments = parser().parse_args(own, argparse.Namespace(command_line=list(argv), words=words))
    if arguments.command is None:
        raise UsageError("a command is needed", hint=f"one of {', '.join(COMMANDS)}; --help explains them")
    if arguments.command == "run" and arguments.watch:
        return WATCH(arguments)
    return COMMANDS[arguments.command](arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    That of `run --bisect` is for `git bisect run`, which would blame a commit for what is not its fault.
    """
    words = sys.argv[1:] if argv is None else argv
    if words[:1] != ["run"] or "--bisect" not in words:
        return _main(words)
    try:
        status = _main(words)
    except SystemExit as end:  # argparse's own end, of wrong usage and of --help
        status = 0 if end.code is None else int(end.code)
    return UNTESTABLE if status in (UsageError.exit_status, LazymmuError.exit_status) else status


def _main(words: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _on_signal)
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is shown escaped.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _dispatch(words)
    except (LazymmuError, OSError) as error:
        return print_error(error)
    except KeyboardInterrupt:
        print("lazymmu: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:  # noqa: BLE001  (Python's own status for it, 1, would mean a wrong implementation)
        traceback.print_exc()
        print("lazymmu: this is a mistake in lazymmu itself; please report it with the lines above", file=sys.stderr)
        return LazymmuError.exit_status
