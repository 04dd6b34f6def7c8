# SPDX-License-Identifier: GPL-2.0-only
"""Finds what a scalar means: an integer, a boolean, a string, a `$name` or `$name+1`, or a trap of YAML 1.1.

YAML 1.1 and 1.2 read `010`, `1:30`, `on` and `1_000` differently. Here they are mistakes, and the message says what to
write instead.
"""

import re
from collections.abc import Callable

from msgspec import Struct

from lazymmu.scenario.strict_yaml.nodes import Scalar
from lazymmu.scenario.strict_yaml.problems import quote
from lazymmu.subject.limits import MAX_U64

_NATURAL = "0|[1-9][0-9]*|0x[0-9a-fA-F]+"
_INTEGER = re.compile(rf"-?(?:{_NATURAL})")
_NULL = re.compile(r"~|null|Null|NULL|")
_BOOLEAN_TRAP = re.compile(r"(?i:yes|no|on|off|y|n|true|false)")
#: What some YAML reader takes for a number or a date.
_NUMBER_TRAP = re.compile(r"[-+]?(?:0[bBoOxX][0-9a-zA-Z_]*|\.?[0-9][0-9_.:eE+-]*|\.(?i:inf|nan))")
#: What may come after the `$`, and after that.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(rf"\$({NAME.pattern})(?:\*({_NATURAL}))?(?:\+({_NATURAL})|-({_NATURAL}))?")

#: Longest number for which a message works out what to write.
_EXPLAINED = 24


Literal = int | bool | str


class Reference(Struct, frozen=True):
    """`$name`: the value of a `vary` entry, or the turn of a `repeat`; `$name*2+1`: an integer that follows it."""

    name: str
    factor: int = 1
    summand: int = 0

    @property
    def is_plain(self) -> bool:
        """True for `$name` alone, which may be any value."""
        return (self.factor, self.summand) == (1, 0)

    def of(self, value: Literal) -> Literal:
        """Return the value of the whole where the name has this one: an integer, unless it is plain."""
        return value if self.is_plain else int(value) * self.factor + self.summand


class Trap(Struct, frozen=True):
    """A text that YAML readers understand differently; `advice` is the whole message."""

    advice: str


#: None is an empty value, `~` or `null`.
Meaning = Literal | Reference | Trap | None


def meaning(scalar: Scalar) -> Meaning:
    """Return what the scalar means. A quoted one is a string."""
    return scalar.text if scalar.quoted else _plain(scalar.text)


def _plain(text: str) -> Meaning:
    if _NULL.fullmatch(text):
        return None
    if text in ("true", "false"):
        return text == "true"
    if _INTEGER.fullmatch(text):
        value = int(text, 0) if len(text) <= _EXPLAINED else MAX_U64 + 1
        return value if abs(value) <= MAX_U64 else Trap(f"{quote(text)} does not fit in 64 bits")
    if text.startswith("$"):
        return _reference(text)
    if _BOOLEAN_TRAP.fullmatch(text):
        return Trap(f'{quote(text)} is a boolean to some YAML readers: write true or false, or "{text}" for the word')
    return Trap(_number_advice(text)) if _NUMBER_TRAP.fullmatch(text) else text


def _reference(text: str) -> Meaning:
    found = _REFERENCE.fullmatch(text)
    if found is None:
        rule = "`$name` (letters, digits and _) or `$name*2+1` must be a whole value without spaces"
        return Trap(f"{quote(text)} is not a name: {rule}, or put it in quotes")
    name, factor, plus, minus = found.groups()
    numbers = [factor or "1", plus or "0", minus or "0"]
    if max(map(len, numbers)) > _EXPLAINED:
        return Trap(f"{quote(text)} has a number that does not fit in 64 bits")
    times, more, less = (int(number, 0) for number in numbers)
    return Reference(name, times, more - less)


def _number_advice(text: str) -> str:
    """Return what to write instead of a text that only looks like an integer."""
    rule = "integers are decimal or 0x, and words that look like numbers need quotes"
    instead = _instead(text) if len(text) <= _EXPLAINED else None
    return f"{quote(text)} is not an integer here: " + (rule if instead is None else f"write {instead} ({rule})")


def _instead(text: str) -> str | None:
    """Return the integers that the text may mean, as a scenario has them; None if there is none."""
    digits = text.lstrip("+-").replace("_", "").lower()
    for form, converted in _INSTEAD:
        if form.fullmatch(digits):
            sign = "-" if text.startswith("-") else ""
            return " or ".join(sign + number for number in dict.fromkeys(converted(digits)))
    return None


def _sexagesimal(digits: str) -> list[str]:
    value = 0
    for part in digits.split(":"):
        value = value * 60 + int(part)
    return [str(value)]


def _exponent(digits: str) -> list[str]:
    mantissa, _, exponent = digits.partition("e")
    return [str(int(mantissa.partition(".")[0]) * 10 ** int(exponent or 0))]


#: Form that some reader takes for an integer -> the integers that it may mean.
_INSTEAD: tuple[tuple[re.Pattern[str], Callable[[str], list[str]]], ...] = (
    (re.compile(r"0[0-7]+"), lambda digits: [str(int(digits)), str(int(digits, 8))]),
    (re.compile(r"[0-9]+"), lambda digits: [str(int(digits))]),
    (re.compile(r"0b[01]+|0o[0-7]+"), lambda digits: [str(int(digits, 0))]),
    (re.compile(r"0x[0-9a-f]+"), lambda digits: [digits]),
    (re.compile(r"[0-9]+(?::[0-5]?[0-9])+"), _sexagesimal),
    (re.compile(r"[0-9]+(?:\.0*)?(?:e\+?[0-9]{1,2})?"), _exponent),
)
