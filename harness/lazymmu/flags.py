# SPDX-License-Identifier: GPL-2.0-only
"""Flags that several commands share, and the types of their values."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from lazymmu.guests.transports import DEFAULT, TRANSPORTS
from lazymmu.support.errors import UsageError

# Of each number in --shard.
_SHARD_DIGITS = 6


def integer(flag: str, least: int, most: int) -> Callable[[str], int]:
    """Return the type of a flag whose value is an integer in these limits, in ASCII digits."""

    def value(text: str) -> int:
        digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not digits or not least <= int(text) <= most:
            raise UsageError(f"{flag} {text}: an integer from {least} to {most} is needed")
        return int(text)

    return value


def shard(text: str) -> str:
    """Return the value of --shard, such as `2/3`. Raises UsageError for what is no shard."""
    index, slash, count = text.partition("/")
    digits = all(part.isascii() and part.isdigit() and len(part) <= _SHARD_DIGITS for part in (index, count))
    if not slash or not digits or not 1 <= int(index) <= int(count):
        raise UsageError(f"--shard {text}: I/N is needed, with I from 1 to N, such as 2/3")
    return f"{int(index)}/{int(count)}"


def one_of(kind: str, names: Iterable[str]) -> Callable[[str], str]:
    """Return the type of a flag whose value is one of these names."""

    def value(text: str) -> str:
        if text not in names:
            raise UsageError(f"unknown {kind} `{text}`", hint=f"there is: {', '.join(names)}")
        return text

    return value


def _list(kind: Callable[[str], str] = str) -> Callable[[str], list[str]]:
    """Return the type of a flag whose value is one word or several, with commas between them."""
    return lambda text: [kind(word) for word in text.split(",")]


def implementation(text: str) -> str:
    """Return the name of an implementation. Raises UsageError for an unknown one."""
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
    return {"default": DEFAULT, "help": f"how to reach guests: {names} (default: {DEFAULT})"}


_TYPES: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("--arch", "--api", "--tag"), _list()),
    "--impl": _list(implementation),
    "--personality": _personality,
    "--transport": lambda name: TRANSPORTS.pick(name).NAME,
    "--jobs": integer("--jobs", 1, 256),
    "--timeout-scale": _scale,
}


@cache
def _shared() -> dict[str, dict[str, Any]]:
    import json

    return dict(json.loads(Path(__file__).with_suffix(".json").read_bytes()))


def add(parser: ArgumentParser, *names: str, **others: Any) -> None:
    """Add arguments of flags.json to a parser; `others` takes the place of what they have there, such as `help`."""
    shared = _shared()
    for name in names:
        kind = {"type": _TYPES[name]} if name in _TYPES else {}
        of_catalogue = _transport() if name == "--transport" else {}
        parser.add_argument(name, **{**shared[name], **kind, **of_catalogue, **others})


def add_guest(parser: ArgumentParser, command: str, new: str, words: str) -> None:
    """Add what enters a guest: a new one, or with --from a saved one. After -- come words for what runs there."""
    rest = f"[flags] [-- {words}]"
    parser.usage = f"lazymmu {command} {new} {rest}\n       lazymmu {command} --from DIR [CASE] {rest}"
    add(parser, "--from", "--kernel", "--timeout-scale", "--offline")


def add_selection(parser: ArgumentParser) -> None:
    """Add what selects units."""
    add(parser, "scenarios", "--arch")
    add(parser, "--api", help="revision, see `lazymmu help words`; several with commas (default: amended and merged)")
    add(parser, "--tag", "--exclude", "--personality", "--impl", "--kernel")
