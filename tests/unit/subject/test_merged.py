# SPDX-License-Identifier: GPL-2.0-only
"""The API of Linux 7.0 and later, by examples (docs/semantics.md, "merged").

States are (enable_count, pause_count).
"""

from .example import Example, disagreements

NESTING = (
    Example("a section: active inside enter, not inside leave", "E D", "el", "10", (0, 0), False),
    Example("an open section is active", "E", "e", "1", (1, 0), True),
    Example(
        "a nested disable flushes", "E E D D", "efl", "110", (0, 0), False, states=((1, 0), (2, 0), (1, 0), (0, 0))
    ),
    Example("every nested disable flushes", "E E E D D D", "effl", "1110", (0, 0), False),
    Example("sections in a row", "E D E D", "elel", "1010", (0, 0), False),
)

PAUSES = (
    Example("a pause in a section", "E P R D", "elel", "1010", (0, 0), False),
    Example("a paused section is not active", "E P", "el", "10", (1, 1), False),
    Example("a pause in a nested section", "E E P R D D", "elefl", "10110", (0, 0), False),
    Example(
        "nested pauses are counted, and only the outermost calls hooks",
        "E P P R R D",
        "elel",
        "1010",
        (0, 0),
        False,
        states=((1, 0), (1, 1), (1, 2), (1, 1), (1, 0), (0, 0)),
    ),
    Example("a pause outside a section calls nothing", "P R", "", "", (0, 0), False, states=((0, 1), (0, 0))),
    Example("enable in a pause is lost", "P E R", "", "", (0, 0), False),
    Example("a balanced section in a pause is lost", "E P E D R D", "elel", "1010", (0, 0), False),
    Example("disable in a pause is lost, and does not warn", "P D R", "", "", (0, 0), False),
    Example("enable in a pause does not warn, 255 levels deep", "255*E P E R", "ele", "101", (255, 0), True),
    Example("a call is lost until the last resume", "E P P R D R D", "elel", "1010", (0, 0), False),
)

MISUSE = (
    Example("disable at 0 warns, flushes, wraps and is active", "D", "f", "1", (255, 0), True, warnings=1),
    Example("enable after it wraps back and warns", "D E", "f", "1", (0, 0), False, warnings=2),
    Example("resume at 0 warns and wraps", "R", "", "", (0, 255), False, warnings=1),
    Example("enable and disable do nothing after it", "R E D", "", "", (0, 255), False, warnings=1),
    Example("until pause is called once more", "R E D P E", "e", "1", (1, 0), True, warnings=2),
    Example("resume at 0 in a section ends it without leave", "E R", "e", "1", (1, 255), False, warnings=1),
    Example("pause after it: active again without enter", "E R P", "e", "1", (1, 0), True, warnings=2),
    Example(
        "disable is lost before that pause and leaves after it", "E R D P D", "el", "10", (0, 0), False, warnings=2
    ),
    Example("a second resume counts further down", "E P R R R", "ele", "101", (1, 254), False, warnings=1),
    Example("disable in a pause is lost: the section stays", "E P D R", "ele", "101", (1, 0), True),
    Example(
        "enable in a pause is lost: the last disable underflows",
        "E P E R D D",
        "elelf",
        "10101",
        (255, 0),
        True,
        warnings=1,
    ),
    Example("pause in an underflowed section leaves", "D P D", "fl", "10", (255, 1), False, warnings=1),
)

WRAPS = (
    Example("255 levels do not warn", "255*E", "e", "1", (255, 0), True),
    Example("255 levels and back", "255*E 255*D", "e" + 254 * "f" + "l", 255 * "1" + "0", (0, 0), False),
    Example(
        "the 256th enable warns: not active, no hook",
        "256*E",
        "e",
        "1",
        (0, 0),
        False,
        warnings=1,
        counters={"enable": 256},
    ),
    Example("the 257th enters again", "257*E", "ee", "11", (1, 0), True, warnings=1),
    Example("disable after 256 enables underflows", "256*E D", "ef", "11", (255, 0), True, warnings=2),
    Example("the 256th disable from 0 leaves", "256*D", 255 * "f" + "l", 255 * "1" + "0", (0, 0), False, warnings=1),
    Example("255 pauses do not warn", "E 255*P", "el", "10", (1, 255), False),
    Example("255 pauses and back", "E 255*P 255*R", "ele", "101", (1, 0), True),
    Example("the 256th pause warns: active again without enter", "E 256*P", "el", "10", (1, 0), True, warnings=1),
    Example("the 257th leaves again", "E 257*P", "ell", "100", (1, 1), False, warnings=1),
    Example("256 pauses outside a section", "256*P", "", "", (0, 0), False, warnings=1),
    Example("256 resumes in a section enter once, at the last", "E 256*R", "ee", "11", (1, 0), True, warnings=1),
)

FLUSHES = (
    Example("flush outside a section", "F", "f", "0", (0, 0), False, counters={"flush": 1}),
    Example("flush in a section", "E F D", "efl", "110", (0, 0), False),
    Example("flush in a pause", "E P F R D", "elfel", "10010", (0, 0), False),
)

INTERRUPTS = (
    Example(
        "the calls do nothing in interrupt, without a warning, and are counted",
        "I{D R E P}",
        "",
        "",
        (0, 0),
        False,
        counters={"enable": 1, "disable": 1, "pause": 1, "resume": 1},
    ),
    Example(
        "an interrupt in a section changes nothing but flushes", "E I{E D D P R F C} D", "efl", "100", (0, 0), False
    ),
    Example("an interrupt cannot end a pause", "E P I{R R} R D", "elel", "1010", (0, 0), False),
    Example(
        "a before_hook in interrupt has no hook to run before",
        "E I{D[P]}",
        "e",
        "1",
        (1, 0),
        True,
        counters={"pause": 0},
    ),
)

BEFORE_HOOKS = (
    Example("enable changes its state before the hook", "E[C]", "e", "1", (1, 0), True, states=((1, 0), (1, 0))),
    Example(
        "disable changes its state before the hook",
        "E D[C]",
        "el",
        "10",
        (0, 0),
        False,
        states=((1, 0), (0, 0), (0, 0)),
    ),
    Example("so does a nested one", "E E D[C]", "ef", "11", (1, 0), True, states=((1, 0), (2, 0), (1, 0), (1, 0))),
    Example(
        "pause changes its state before the hook", "E P[C]", "el", "10", (1, 1), False, states=((1, 0), (1, 1), (1, 1))
    ),
    Example(
        "resume changes its state before the hook",
        "E P R[C]",
        "ele",
        "101",
        (1, 0),
        True,
        states=((1, 0), (1, 1), (1, 0), (1, 0)),
    ),
    Example("paused and resumed before enter: leave, enter, enter", "E[P R] D", "leel", "0110", (0, 0), False),
    Example("enable before enter is a nested one", "E[E] D D", "efl", "110", (0, 0), False),
    Example("disable before enter ends the section; enter comes last", "E[D]", "le", "00", (0, 0), False),
    Example("pause before enter leaves; enter comes last", "E[P]", "le", "00", (1, 1), False),
    Example("resume before enter wraps", "E[R]", "e", "0", (1, 255), False, warnings=1),
    Example("a section opened before leave: active inside leave", "E D[E] D", "eell", "1110", (0, 0), False),
    Example("enable before a flush", "E E D[E]", "ef", "11", (2, 0), True),
    Example("the due flush stays a flush when the section ends before it", "E E D[D]", "elf", "100", (0, 0), False),
    Example("the due leave stays a leave, two levels deep by then", "E D[E E]", "eel", "111", (2, 0), True),
    Example("disable at 0 with another before its flush", "D[D]", "ff", "11", (254, 0), True, warnings=1),
    Example("resume before pause's leave undoes the pause", "E P[R] D", "eell", "1110", (0, 0), False),
    Example("pause before pause's leave is a nested one", "E P[P]", "el", "10", (1, 2), False),
    Example("enable before pause's leave is lost", "E P[E]", "el", "10", (1, 1), False),
    Example("pause before resume's enter leaves; enter comes last", "E P R[P] D", "elle", "1000", (1, 1), False),
    Example("disable before resume's enter ends the section", "E P R[D]", "elle", "1000", (0, 0), False),
    Example("resume before resume's enter wraps", "E P R[R]", "ele", "100", (1, 255), False, warnings=1),
    Example("no hook, no before_hook: a nested enable", "E E[D]", "e", "1", (2, 0), True, counters={"disable": 0}),
    Example("no hook, no before_hook: a pause outside", "P[E] R", "", "", (0, 0), False, counters={"enable": 0}),
    Example("no hook, no before_hook: a lost enable", "P E[P]", "", "", (0, 1), False, counters={"pause": 1}),
    Example(
        "no hook, no before_hook: the 256th enable",
        "255*E E[P]",
        "e",
        "1",
        (0, 0),
        False,
        warnings=1,
        counters={"pause": 0},
    ),
    Example(
        "no hook, no before_hook: an inner resume", "E P P R[D] R", "ele", "101", (1, 0), True, counters={"disable": 0}
    ),
    Example("eight levels of before_hook", "E[P[R[P[R[P[R[P[R]]]]]]]]", "elelelele", "111111111", (1, 0), True),
    Example("interrupted before enter", "E[I{D F}] D", "fel", "010", (0, 0), False),
)

EXAMPLES = (*NESTING, *PAUSES, *MISUSE, *WRAPS, *FLUSHES, *INTERRUPTS, *BEFORE_HOOKS)


def test_merged() -> None:
    assert disagreements(EXAMPLES, "merged") == []
