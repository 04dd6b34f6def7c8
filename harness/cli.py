# SPDX-License-Identifier: GPL-2.0-only
"""The command line: arguments in, exit status out. What each command does stands in `harness/commands/`."""

from __future__ import annotations

import argparse
import io
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from harness.commands import COMMANDS
from harness.core.errors import INTERRUPTED, GuestError, LazymmuError, UsageError

# Flags and commands of the contract whose feature does not exist yet: refused, never ignored.
_LATER_FLAGS = ("--jobs", "--isolation", "--html")
_LATER_COMMANDS = ("shell",)


_MAX_REPEAT = 10_000
_MAX_SEED_DIGITS = 18
_SCENARIO_HELP = "name, file or directory (default: the whole library)"


class _NotYet(argparse.Action):
    def __call__(self, _parser: Any, _namespace: Any, _values: Any, option_string: str | None = None) -> NoReturn:
        raise UsageError(f"{option_string} is not available yet")


def _choice_so_far(flag: str, available: str, later: Sequence[str]) -> Any:
    """Return an argument type that takes the one value there is, and refuses those that are to come."""

    def read(value: str) -> str:
        if value in later:
            raise UsageError(f"{flag} {value} is not available yet", hint=f"there is: {available}")
        if value != available:
            raise UsageError(f"unknown {flag.lstrip('-')} `{value}`", hint=f"there is: {available}")
        return value

    return read


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1000:
        raise UsageError(f"--timeout-scale {text}: a number from 0.01 to 1000 is needed")
    return value


def _times(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MAX_REPEAT and len(text) < 9):
        raise UsageError(f"--repeat {text}: an integer from 1 to {_MAX_REPEAT} is needed")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_SEED_DIGITS):
        raise UsageError(f"--shuffle {text}: an integer of 0 or more is needed, of {_MAX_SEED_DIGITS} digits or less")
    return int(text)


def _selection_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help="name, file or directory (default: the library)"
    )
    parser.add_argument("--arch", action="append", default=[], help="architecture; may be repeated (default: all)")
    parser.add_argument("--api", action="append", default=[], help="revision, or all (default: amended and merged)")
    parser.add_argument("--tag", action="append", default=[], help="only scenarios with one of these tags")
    impl = _choice_so_far("--impl", "module", ("native", "header"))
    parser.add_argument("--impl", action="append", type=impl, help="implementation under test (default: module)")
    parser.add_argument("--kernel", action="append", help="kernel of images/kernels.yaml (default: lts)")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lazymmu",
        description="Checks nested lazy MMU mode on emulated arm64, s390x and x86_64 guests against a model.",
        epilog="exit status: 0 all passed, 1 a wrong implementation, 2 wrong usage or scenario, 3 a machine or tool "
        "failed, 130 interrupted",
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="command", metavar="COMMAND")

    run = verbs.add_parser("run", help="run scenarios on guests and compare with the model", allow_abbrev=False)
    _selection_flags(run)
    line = _choice_so_far("--transport", "serial", ("ssh",))
    run.add_argument("--transport", type=line, default="serial", help="line to the guest (default: serial)")
    run.add_argument("--json", metavar="FILE", help="write results as JSON; - is standard output")
    run.add_argument("--junit", metavar="FILE", help="write results as JUnit XML; - is standard output")
    run.add_argument("--ktap", metavar="FILE", help="write results as KTAP version 1; - is standard output")
    run.add_argument("--out", metavar="DIR", help="results folder (default: one of the user's, the last 20 are kept)")
    run.add_argument("--known", metavar="FILE", help="failures that are known, with reasons and dates")
    run.add_argument("--repeat", type=_times, default=1, metavar="N", help="run everything N times")
    run.add_argument("--shuffle", type=_seed, metavar="SEED", help="run in the order that this number gives")
    run.add_argument("--trace", action="store_true", help="steps of every trace in the JSON, not only of failures")
    run.add_argument("--timeout-scale", type=_scale, default=1.0, metavar="N", help="multiply every time limit")
    run.add_argument("--no-skip", action="store_true", help="a skip is an error")
    run.add_argument("--offline", action="store_true", help="use only what the cache has")
    for flag in _LATER_FLAGS:
        run.add_argument(flag, nargs="?", action=_NotYet, help=argparse.SUPPRESS)

    predict = verbs.add_parser("predict", help="print what the model says; no guest", allow_abbrev=False)
    _selection_flags(predict)
    predict.add_argument("--json", metavar="FILE", help="write predictions as JSON; - is standard output")
    predict.add_argument("--trace", action="store_true", help="steps of every trace in the JSON")

    compare = verbs.add_parser("compare", help="say what changed from one run to another", allow_abbrev=False)
    compare.add_argument("old", metavar="OLD", help="results of a run: a file of --json, or a results folder")
    compare.add_argument("new", metavar="NEW", help="those of a later one")
    compare.add_argument("--json", metavar="FILE", help="write the changes as JSON; - is standard output")

    listing = verbs.add_parser("list", help="list scenarios", allow_abbrev=False)
    listing.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=_SCENARIO_HELP)
    listing.add_argument("--tag", action="append", default=[], help="only scenarios with one of these tags")

    lint = verbs.add_parser("lint", help="check scenario files; no guest", allow_abbrev=False)
    lint.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=_SCENARIO_HELP)

    setup = verbs.add_parser("setup", help="fetch and build what guests need, and no more", allow_abbrev=False)
    setup.add_argument("--kernel", action="append", help="kernel of images/kernels.yaml (default: lts)")
    setup.add_argument("--update", action="store_true", help="resolve the kernel's version anew")
    setup.add_argument("--offline", action="store_true", help="only check that everything is there")

    doctor = verbs.add_parser(
        "doctor", help="say what is there, what is missing, whether a run can work", allow_abbrev=False
    )
    doctor.add_argument("--kernel", action="append", help="kernel of images/kernels.yaml (default: lts)")
    doctor.add_argument("--offline", action="store_true", help="ask about a run that may not fetch anything")
    doctor.add_argument("--json", metavar="FILE", help="write the checks as JSON; - is standard output")

    clean = verbs.add_parser("clean", help="remove leftovers and what is beyond its limit", allow_abbrev=False)
    clean.add_argument(
        "--all", action="store_true", help="remove the whole cache and all results in their default folder"
    )
    clean.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    verbs.add_parser("test", help="run the project's own tests; what follows is handed to pytest", add_help=False)
    return parser


def _on_signal(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _dispatch(argv: Sequence[str]) -> int:
    name = argv[0] if argv else ""
    if name in _LATER_COMMANDS:
        raise UsageError(f"lazymmu {name} is not available yet")
    if name == "test":
        # Everything behind it is pytest's; argparse would take flags for its own.
        return COMMANDS[name](argparse.Namespace(arguments=argv[1:]))
    arguments = _parser().parse_args(argv, argparse.Namespace(command_line=list(argv)))
    if arguments.command is None:
        raise UsageError("a command is needed", hint=f"one of {', '.join(COMMANDS)}; --help explains them")
    return COMMANDS[arguments.command](arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    signal.signal(signal.SIGTERM, _on_signal)
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is shown escaped.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _dispatch(sys.argv[1:] if argv is None else argv)
    except LazymmuError as error:
        print(f"lazymmu: {error}", file=sys.stderr)
        if isinstance(error, GuestError) and error.details:
            print(error.details, file=sys.stderr)
        return error.exit_status
    except OSError as error:
        print(f"lazymmu: {error}", file=sys.stderr)
        return LazymmuError.exit_status
    except KeyboardInterrupt:
        print("lazymmu: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:  # noqa: BLE001  (Python's own status for it, 1, would mean a wrong implementation)
        traceback.print_exc()
        print("lazymmu: this is a mistake in lazymmu itself; please report it with the lines above", file=sys.stderr)
        return LazymmuError.exit_status


if __name__ == "__main__":
    sys.exit(main())
