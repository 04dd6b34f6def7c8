# SPDX-License-Identifier: GPL-2.0-only
"""Flags that several commands share, and the types of their values."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from typing import Any

from lazymmu.guests.transports import DEFAULT, TRANSPORTS
from lazymmu.support.errors import UsageError


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


def _implementation(text: str) -> str:
    from lazymmu.subject.implementations import IMPLEMENTATIONS

    return one_of("impl", IMPLEMENTATIONS)(text)


def _personality(text: str) -> str:
    from lazymmu.subject.personalities import PERSONALITIES

    return PERSONALITIES.pick(text).NAME


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= 1000:
        raise UsageError(f"--timeout-scale {text}: a number from 0.01 to 1000 is needed")
    return value


def _transport() -> dict[str, Any]:
    names = ", ".join(f"{name} ({transport.HELP})" for name, transport in TRANSPORTS.items())
    return {
        "type": lambda name: TRANSPORTS.pick(name).NAME,
        "default": DEFAULT,
        "metavar": "NAME",
        "help": f"how to reach guests: {names} (default: {DEFAULT})",
    }


_REPEATED: dict[str, Any] = {"action": "append", "metavar": "NAME"}
_LISTED: dict[str, Any] = {**_REPEATED, "default": []}
#: Argument -> what `add_argument` takes, or a function that returns it if it comes from a catalogue.
_SHARED: dict[str, dict[str, Any] | Callable[[], dict[str, Any]]] = {
    "scenarios": {"nargs": "*", "metavar": "SCENARIO", "help": "name, file or directory (default: the library)"},
    "--arch": {**_LISTED, "help": "architecture, or all; may be repeated (default: arm64, s390x and x86_64)"},
    "--api": {**_LISTED, "help": "revision, see `lazymmu help words`; may be repeated (default: all)"},
    "--tag": {**_LISTED, "help": "only scenarios with one of these tags"},
    "--impl": {
        **_REPEATED,
        "type": _implementation,
        "help": "implementation under test: module, native, header; may be repeated (default: module, and native "
        "where there is; with --header only that)",
    },
    "--personality": {
        "type": _personality,
        "metavar": "NAME",
        "help": "personality of every guest, in place of its own",
    },
    "--kernel": {**_REPEATED, "help": "kernel of images/kernels.yaml; may be repeated (default: lts)"},
    "--transport": _transport,
    "--jobs": {
        "type": integer("--jobs", 1, 256),
        "metavar": "N",
        "help": "guests at the same time (default: by cores and memory)",
    },
    "--timeout-scale": {"type": _scale, "default": 1.0, "metavar": "N", "help": "multiply every time limit"},
    "--offline": {"action": "store_true", "help": "use only what the cache has"},
    "--install": {"action": "store_true", "help": "let the launcher install what the host lacks, if you are root"},
    "--json": {"metavar": "FILE", "help": "write the results as JSON; - is standard output"},
}


def add(parser: ArgumentParser, *names: str, **others: Any) -> None:
    """Add shared arguments to a parser; `others` takes the place of what they have here, such as `help`."""
    for name in names:
        shared = _SHARED[name]
        parser.add_argument(name, **{**(shared() if callable(shared) else shared), **others})


def add_selection(parser: ArgumentParser) -> None:
    """Add what selects units."""
    add(parser, "scenarios", "--arch")
    add(parser, "--api", help="revision, see `lazymmu help words`; may be repeated (default: amended and merged)")
    add(parser, "--tag", "--personality", "--impl", "--kernel")
