# SPDX-License-Identifier: GPL-2.0-only
"""Version 4 of the series, by examples (docs/semantics.md, "v3 and v4").

States are (nesting_level, active).
"""

from msgspec.structs import replace

from . import test_v3
from .example import Example, disagreements
from .notation import play

NESTING = (
    Example("active inside enter, not inside leave", "E D", "el", "10", (0, False), False),
    Example("a nested section", "E E D D", "efl", "110", (0, False), False),
    Example("a pause: active inside resume's enter", "E P R D", "elel", "1010", (0, False), False),
    Example("nested pairs", "E P P R R D", "elleel", "100110", (0, False), False, warnings=2),
    Example("a section in a pause", "E P E D R D", "elfel", "10010", (0, False), False, warnings=2),
    Example("a pair outside a section", "P R", "le", "01", (0, True), True, warnings=2),
    Example("a wrap to 0 leaves the flag as it is", "256*E", "e", "1", (0, True), True, warnings=1),
    Example("the enable after it enters again", "257*E", "ee", "11", (1, True), True, warnings=1),
    Example("disable at 0", "D", "f", "0", (255, False), False, warnings=2),
    Example("disable at 0 leaves the flag as it is", "R D", "ef", "11", (255, True), True, warnings=2),
)

BEFORE_HOOKS = (
    Example("enable changes its state before the hook", "E[C]", "e", "1", (1, True), True, states=((1, True),) * 2),
    Example(
        "disable changes its state before the hook",
        "E D[C]",
        "el",
        "10",
        (0, False),
        False,
        states=((1, True), (0, False), (0, False)),
    ),
    Example(
        "so does a nested one",
        "E E D[C]",
        "ef",
        "11",
        (1, True),
        True,
        states=((1, True), (2, True), *((1, True),) * 2),
    ),
    Example(
        "pause changes its state before the hook",
        "E P[C]",
        "el",
        "10",
        (1, False),
        False,
        states=((1, True), (1, False), (1, False)),
    ),
    Example(
        "resume changes its state before the hook",
        "R[C]",
        "e",
        "1",
        (0, True),
        True,
        warnings=1,
        states=((0, True), (0, True)),
    ),
    Example("enable before enter is a nested one", "E[E] D D", "efl", "110", (0, False), False),
    Example("disable before enter ends the section; enter comes last", "E[D]", "le", "00", (0, False), False),
    Example("pause before enter leaves; enter comes last", "E[P]", "le", "00", (1, False), False),
    Example("paused and resumed before enter", "E[P R] D", "leel", "0110", (0, False), False),
    Example("a section opened before leave: active inside leave", "E D[E] D", "eell", "1110", (0, False), False),
    Example("the due flush stays a flush", "E E D[D]", "elf", "100", (0, False), False),
    Example("resume before resume's enter warns", "E P R[R]", "elee", "1011", (1, True), True, warnings=1),
    Example("pause before resume's enter does not", "E P R[P]", "elle", "1000", (1, False), False),
)

#: The checks of v3, where the hooks' digits do not matter.
CHECKS = (*test_v3.ENABLE, *test_v3.DISABLE, *test_v3.PAUSE_AND_RESUME)


def with_v4_digits(example: Example) -> Example:
    """Return an example of v3 for v4: enter sees the task active, what it changes before the hook being set."""
    digits = ("1" if letter == "e" else digit for letter, digit in zip(example.hooks, example.inside, strict=True))
    return replace(example, inside="".join(digits))


INTERRUPTS = (
    Example("nothing but flush in interrupt", "E I{E D D P R R F C} D", "efl", "100", (0, False), False),
    Example("no warning there either", "I{D P R}", "", "", (0, False), False, counters={"disable": 1, "pause": 1}),
    Example("interrupted before enter", "E[I{D F}] D", "fel", "010", (0, False), False),
)

EXAMPLES = (*NESTING, *BEFORE_HOOKS, *INTERRUPTS, *map(with_v4_digits, CHECKS))


def test_v4() -> None:
    assert disagreements(EXAMPLES, "v4") == []


def test_the_flag_is_the_tasks_own_and_active_the_place_of_the_step() -> None:
    """In interrupt the flag stays, and the task is not active."""
    check = play("E I{C}", "v4").steps[1]
    assert (check.state, check.active) == ({"nesting_level": 1, "active": True}, False)
