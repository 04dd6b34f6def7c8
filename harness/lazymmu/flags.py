# SPDX-License-Identifier: GPL-2.0-only
"""Flags that several commands share, and the types of their values."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Iterable

from lazymmu.support.errors import UsageError

_TRANSPORTS = ("serial", "ssh")
_MAX_JOBS = 256


def integer(flag: str, least: int, most: int) -> Callable[[str], int]:
    """Return the type of a flag whose value is an integer in these limits, in ASCII digits."""

    def value(text: str) -> int:
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not digits or not least <= int(text) <= most:
            raise UsageError(f"{flag} {text}: an integer from {least} to {most} is needed")
        return int(text)

    return value


def one_of(kind: str, names: Iterable[str]) -> Callable[[str], str]:
    """Return the type of a flag whose value is one of these names."""

    def value(text: str) -> str:
        if text not in names:
            raise UsageError(f"unknown {kind} `{text}`", hint=f"there is: {', '.join(names)}")
        return text

    return value


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1000:
        raise UsageError(f"--timeout-scale {text}: a number from 0.01 to 1000 is needed")
    return value


def scenarios(parser: ArgumentParser, *, needed: bool = False) -> None:
    """Add the scenarios that a command is about; without any it is the whole library, unless one is needed."""
    default = "" if needed else " (default: the library)"
    parser.add_argument(
        "scenarios", nargs="+" if needed else "*", metavar="SCENARIO", help=f"name, file or directory{default}"
    )


def tag(parser: ArgumentParser) -> None:
    """Add --tag."""
    parser.add_argument("--tag", action="append", default=[], help="only scenarios with one of these tags")


def arch(parser: ArgumentParser) -> None:
    """Add --arch."""
    parser.add_argument(
        "--arch",
        action="append",
        default=[],
        help="architecture, or all; may be repeated (default: arm64, s390x and x86_64)",
    )


def api(parser: ArgumentParser, default: str = "all") -> None:
    """Add --api."""
    parser.add_argument(
        "--api",
        action="append",
        default=[],
        help=f"revision, see `lazymmu help words`; may be repeated (default: {default})",
    )


def kernel(parser: ArgumentParser, default: str = "lts") -> None:
    """Add --kernel."""
    parser.add_argument(
        "--kernel",
        action="append",
        metavar="NAME",
        help=f"kernel of images/kernels.yaml; may be repeated (default: {default})",
    )


def implementation(text: str) -> str:
    """Return the name of an implementation. Raises UsageError."""
    from lazymmu.subject.implementations import IMPLEMENTATIONS

    return one_of("impl", IMPLEMENTATIONS)(text)


def selection(parser: ArgumentParser) -> None:
    """Add what selects units: scenarios, architectures, revisions, tags, implementations and kernels."""
    scenarios(parser)
    arch(parser)
    api(parser, "amended and merged")
    tag(parser)
    parser.add_argument(
        "--impl",
        action="append",
        type=implementation,
        metavar="NAME",
        help="implementation under test: module, native, header; may be repeated (default: module, and native where "
        "there is; with --header only that)",
    )
    kernel(parser)


def transport(parser: ArgumentParser) -> None:
    """Add --transport."""
    names = f"{', '.join(_TRANSPORTS)} (default: {_TRANSPORTS[0]})"
    parser.add_argument(
        "--transport",
        type=one_of("transport", _TRANSPORTS),
        default=_TRANSPORTS[0],
        metavar="NAME",
        help=f"how to reach guests: {names}",
    )


def jobs(parser: ArgumentParser) -> None:
    """Add --jobs."""
    parser.add_argument(
        "--jobs",
        type=integer("--jobs", 1, _MAX_JOBS),
        metavar="N",
        help="guests at the same time (default: by cores and memory)",
    )


def timeout_scale(parser: ArgumentParser) -> None:
    """Add --timeout-scale."""
    parser.add_argument("--timeout-scale", type=_scale, default=1.0, metavar="N", help="multiply every time limit")


def offline(parser: ArgumentParser, what: str = "use only what the cache has") -> None:
    """Add --offline."""
    parser.add_argument("--offline", action="store_true", help=what)


def json(parser: ArgumentParser, what: str) -> None:
    """Add --json."""
    parser.add_argument("--json", metavar="FILE", help=f"write {what} as JSON; - is standard output")
