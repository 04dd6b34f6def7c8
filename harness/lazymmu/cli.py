# SPDX-License-Identifier: GPL-2.0-only
"""The command line: words in, exit status out. What each command does is in `harness/lazymmu/commands/`."""

import io
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import lazymmu
from lazymmu.commands import COMMANDS
from lazymmu.parser import command_parser, whole_parser
from lazymmu.support.errors import INTERRUPTED, UNTESTABLE, LazymmuError, UsageError, print_error
from lazymmu.support.interrupts import importing

_PACKAGE = str(Path(__file__).parent)


def _on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _import_msgspec() -> None:
    """Import msgspec, but not typing_extensions, which would cost a twentieth of a short run's processor time.

    msgspec imports that if another library has installed it, and else takes the same names from `typing`.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        # `lazymmu test` runs in an environment without it.
        with suppress(ModuleNotFoundError):
            import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]


def _run(words: Sequence[str]) -> int:
    """Run the command that the first word names."""
    if not words or words[0].startswith("-"):
        with importing():
            whole = whole_parser(COMMANDS)
        if whole.read(words).version:
            print(f"lazymmu {lazymmu.__version__}")
            return 0
        raise UsageError("a command is needed", hint=f"one of {', '.join(COMMANDS)}; --help explains them")
    with importing():
        _import_msgspec()
        command = COMMANDS.pick(words[0])
    return command.main(command_parser(command).read(words[1:], command=words[0], command_line=list(words)))


def _run_and_print(words: Sequence[str]) -> int:
    """Run a command and print the error that ends it, if any."""
    signal.signal(signal.SIGTERM, _on_signal)
    for stream in (sys.stdout, sys.stderr):
        # Print letters that the terminal's encoding lacks as escapes.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words)
    except (LazymmuError, OSError) as error:
        return print_error(error)
    except KeyboardInterrupt:
        print("lazymmu: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  (Python's own status, 1, would mean a wrong implementation)
        import traceback

        traceback.print_exc()
        # A file that somebody added to a catalogue may be the culprit.
        ours = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(_PACKAGE)]
        where = f"{ours[-1].filename}:{ours[-1].lineno}"
        print(f"lazymmu: this is a bug; please report the lines above to the author of {where}", file=sys.stderr)
        return LazymmuError.exit_status


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit status.

    Argparse itself ends `--help` with SystemExit. With --bisect, the status is one for `git bisect run`, which
    must not blame a commit for wrong usage or a broken machine.
    """
    words = sys.argv[1:] if argv is None else argv
    status = _run_and_print(words)
    bisect = words[:1] in (["run"], ["kernel"]) and "--bisect" in words
    return UNTESTABLE if bisect and status in (UsageError.exit_status, LazymmuError.exit_status) else status
