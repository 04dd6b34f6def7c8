# SPDX-License-Identifier: GPL-2.0-only
"""Version 3 of the series, by examples (docs/semantics.md, "v3 and v4").

States are (count, enabled). Hooks and states are those of the proposal; what is new are the warnings.
"""

from tests.unit.rows import each_row

from . import test_proposal
from .example import Example, disagreements
from .notation import play

RIGHT_USE = (
    Example("a nested section, inactive inside enter", "E E D D", "efl", "010", (0, False), False),
    Example("a pause in a section", "E P R D", "elel", "0000", (0, False), False),
    Example("255 levels and back", "255*E 255*D", "e" + 254 * "f" + "l", "0" + 254 * "1" + "0", (0, False), False),
    Example(
        "enable changes its state after the hook", "E[C]", "e", "0", (1, True), True, states=((0, False), (1, True))
    ),
    Example(
        "resume sets the flag after the hook",
        "E P R[C]",
        "ele",
        "000",
        (1, True),
        True,
        states=((1, True), (1, False), (1, False), (1, True)),
    ),
)

ENABLE = (
    Example("the 256th enable warns", "256*E", "e", "0", (0, True), True, warnings=1),
    Example("the 257th does not", "257*E", "ee", "01", (1, True), True, warnings=1),
    Example("enable in a pause warns", "E P E", "el", "00", (2, False), False, warnings=1),
    Example("at 255 and in a pause warns twice", "255*E P E", "el", "00", (0, False), False, warnings=2),
    Example("in a pause outside any section it does not", "R P E", "ele", "000", (1, True), True, warnings=2),
    Example("after a disable at 0 warns twice", "D E", "f", "0", (0, False), False, warnings=4),
)

DISABLE = (
    Example("disable at 0 warns of both", "D", "f", "0", (255, False), False, warnings=2),
    Example("at 0 with the flag set warns once", "R D", "ef", "01", (255, True), True, warnings=2),
    Example("in a pause warns once", "E P D", "ell", "000", (0, False), False, warnings=1),
    Example("nested in a pause warns once", "E E P D", "elf", "000", (1, False), False, warnings=1),
    Example("after 256 enables warns once", "256*E D", "ef", "01", (255, True), True, warnings=2),
)

PAUSE_AND_RESUME = (
    Example("pause outside a section warns", "P", "l", "0", (0, False), False, warnings=1),
    Example("pause at 0 with the flag set warns", "R P", "el", "00", (0, False), False, warnings=2),
    Example("a nested pause warns", "E P P", "ell", "000", (1, False), False, warnings=1),
    Example("resume outside a section warns", "R", "e", "0", (0, True), True, warnings=1),
    Example("resume outside a section with the flag set warns once", "R R", "ee", "01", (0, True), True, warnings=2),
    Example("resume without a pause warns", "E R", "ee", "01", (1, True), True, warnings=1),
    Example("nested pairs warn at the inner ones", "E P P R R D", "elleel", "000010", (0, False), False, warnings=2),
    Example("a pair outside a section warns twice", "P R", "le", "00", (0, True), True, warnings=2),
)

MOMENTS = (
    Example("no warning in interrupt", "I{D P R E}", "", "", (0, False), False, counters={"disable": 1, "resume": 1}),
    Example("checks are made when the call begins", "E P R[R]", "elee", "0001", (1, True), True),
    Example("a pause before pause's leave warns; the outer one has not", "E P[P]", "ell", "000", (1, False), False, 1),
    Example(
        "a warning is counted before the hook", "P[C]", "l", "0", (0, False), False, 1, states=((0, False), (0, False))
    ),
    Example("disable before enter warns twice, the enable not", "E[D]", "fe", "00", (0, True), True, warnings=2),
)

EXAMPLES = (*RIGHT_USE, *ENABLE, *DISABLE, *PAUSE_AND_RESUME, *MOMENTS)


def test_v3() -> None:
    assert disagreements(EXAMPLES, "v3") == []


@each_row("example", test_proposal.EXAMPLES)
def test_warnings_aside_v3_is_the_proposal(example: Example) -> None:
    differences = example.differences(play(example.program, "v3"))
    assert [difference for difference in differences if not difference.startswith("warnings")] == []
