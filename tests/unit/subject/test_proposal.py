# SPDX-License-Identifier: GPL-2.0-only
"""The proposal of 12 September 2025, by examples (docs/semantics.md, "proposal and amended").

States are (count, enabled).
"""

from .example import Example, disagreements

NESTING = (
    Example("a section enters and leaves, inactive inside both hooks", "E D", "el", "00", (0, False), False),
    Example("an open section is active", "E", "e", "0", (1, True), True),
    Example(
        "a nested disable flushes, a nested enable calls nothing",
        "E E D D",
        "efl",
        "010",
        (0, False),
        False,
        states=((1, True), (2, True), (1, True), (0, False)),
    ),
    Example("every nested disable flushes", "E E E D D D", "effl", "0110", (0, False), False),
    Example("sections in a row", "E D E D", "elel", "0000", (0, False), False),
)

PAUSES = (
    Example(
        "a pause inside a nested section",
        "E E P R D D",
        "elefl",
        "00010",
        (0, False),
        False,
        states=((1, True), (2, True), (2, False), (2, True), (1, True), (0, False)),
    ),
    Example(
        "a nested pause leaves again, a nested resume enters again",
        "E P P R R D",
        "elleel",
        "000010",
        (0, False),
        False,
    ),
    Example("the first of two resumes turns the mode on", "E P P R", "elle", "0000", (1, True), True),
    Example("resume turns the mode on without a section", "P R", "le", "00", (0, True), True),
    Example("pause leaves without a section", "P", "l", "0", (0, False), False),
    Example("resume alone", "R", "e", "0", (0, True), True),
    Example("resume while on sees itself active", "R R", "ee", "01", (0, True), True),
    Example("a section inside a pause counts", "E P E D R D", "elfel", "00000", (0, False), False),
    Example("enable in a pause outside any section turns the mode on", "P E", "le", "00", (1, True), True),
)

MISUSE = (
    Example("disable at 0 flushes and wraps", "D", "f", "0", (255, False), False),
    Example("enable after it wraps back and calls nothing", "D E", "f", "0", (0, False), False),
    Example(
        "two levels below 0 and back",
        "D D E E",
        "ff",
        "00",
        (0, False),
        False,
        states=((255, False), (254, False), (255, False), (0, False)),
    ),
    Example("disable at 0 leaves the flag as it is", "R D", "ef", "01", (255, True), True),
    Example("a section ended in a pause stays enabled after resume", "E P D R", "elle", "0000", (0, True), True),
    Example("a section opened in a pause and closed after it", "E P E R D D", "elefl", "00010", (0, False), False),
)

WRAPS = (
    Example("255 levels", "255*E", "e", "0", (255, True), True),
    Example("255 levels and back", "255*E 255*D", "e" + 254 * "f" + "l", "0" + 254 * "1" + "0", (0, False), False),
    Example("a wrap to 0 leaves the flag as it is", "256*E", "e", "0", (0, True), True, counters={"enable": 256}),
    Example("the enable after it enters again", "257*E", "ee", "01", (1, True), True),
    Example("the disable after it flushes", "256*E D", "ef", "01", (255, True), True),
    Example("256 levels and back", "256*E 256*D", "e" + 255 * "f" + "l", "0" + 255 * "1" + "0", (0, False), False),
    Example("the 256th disable from 0 leaves", "256*D", 255 * "f" + "l", 256 * "0", (0, False), False),
)

FLUSHES = (
    Example("flush outside a section", "F", "f", "0", (0, False), False, counters={"flush": 1}),
    Example("flush in a section", "E F D", "efl", "010", (0, False), False),
    Example("flush in a pause", "E P F R D", "elfel", "00000", (0, False), False),
)

INTERRUPTS = (
    Example(
        "the calls do nothing in interrupt, and are counted",
        "I{E D P R}",
        "",
        "",
        (0, False),
        False,
        counters={"enable": 1, "disable": 1, "pause": 1, "resume": 1},
    ),
    Example(
        "an interrupt in a section changes nothing but flushes", "E I{E D D P R F C} D", "efl", "000", (0, False), False
    ),
    Example("flush in interrupt outside a section", "I{F}", "f", "0", (0, False), False),
    Example("an interrupt cannot end a pause", "E P I{R R} R D", "elel", "0000", (0, False), False),
    Example(
        "a before_hook in interrupt has no hook to run before",
        "E I{D[P]}",
        "e",
        "0",
        (1, True),
        True,
        counters={"pause": 0},
    ),
)

BEFORE_HOOKS = (
    Example(
        "enable changes its state after the hook",
        "E[C]",
        "e",
        "0",
        (1, True),
        True,
        states=((0, False), (1, True)),
    ),
    Example(
        "the last disable changes its state before the hook",
        "E D[C]",
        "el",
        "00",
        (0, False),
        False,
        states=((1, True), (0, False), (0, False)),
    ),
    Example(
        "a nested disable changes its state before the hook",
        "E E D[C]",
        "ef",
        "01",
        (1, True),
        True,
        states=((1, True), (2, True), (1, True), (1, True)),
    ),
    Example(
        "pause clears the flag before the hook",
        "R P[C]",
        "el",
        "00",
        (0, False),
        False,
        states=((0, True), (0, False), (0, False)),
    ),
    Example("resume sets the flag after the hook", "R[C]", "e", "0", (0, True), True, states=((0, False), (0, True))),
    Example(
        "a section opened before enter: the outer count continues from there",
        "E[E] D D",
        "eefl",
        "0110",
        (0, False),
        False,
    ),
    Example(
        "disable before enter: 255, and 0 after it",
        "E[D]",
        "fe",
        "00",
        (0, True),
        True,
        states=((255, False), (0, True)),
    ),
    Example("pause before enter does not keep the mode off", "E[P]", "le", "00", (1, True), True),
    Example("resume before enter: active inside it", "E[R]", "ee", "01", (1, True), True),
    Example("a section opened before leave: left in, active inside leave", "E D[E]", "eel", "001", (1, True), True),
    Example(
        "the due flush stays a flush when the count reaches 0 before it", "E E D[D]", "elf", "000", (0, False), False
    ),
    Example("enable before a flush", "E E D[E]", "ef", "01", (2, True), True),
    Example("the due leave stays a leave when the count is above 0 by then", "E D[E E]", "eel", "001", (2, True), True),
    Example("resume before pause's leave undoes the pause", "E P[R] D", "eell", "0010", (0, False), False),
    Example("enable before pause's leave", "E P[E]", "el", "00", (2, False), False),
    Example("pause before resume's enter does not keep the mode off", "E P R[P]", "elle", "0000", (1, True), True),
    Example("resume before resume's enter: active inside the outer one", "E P R[R]", "elee", "0001", (1, True), True),
    Example("no hook, no before_hook", "E E[D]", "e", "0", (2, True), True, counters={"disable": 0}),
    Example(
        "three levels of before_hook",
        "E[E[E]]",
        "eee",
        "011",
        (3, True),
        True,
        states=((1, True), (2, True), (3, True)),
    ),
    Example("eight levels of before_hook", "E[E[E[E[E[E[E[E[E]]]]]]]]", 9 * "e", "0" + 8 * "1", (9, True), True),
    Example("interrupted before enter", "E[I{E F}]", "fe", "00", (1, True), True, counters={"enable": 2}),
    Example("interrupted before leave: the flag is down already", "E D[I{F}]", "efl", "000", (0, False), False),
)

EXAMPLES = (*NESTING, *PAUSES, *MISUSE, *WRAPS, *FLUSHES, *INTERRUPTS, *BEFORE_HOOKS)


def test_proposal() -> None:
    assert disagreements(EXAMPLES, "proposal") == []
