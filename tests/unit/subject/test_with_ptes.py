# SPDX-License-Identifier: GPL-2.0-only
"""The merged API with enable_with_ptes, by examples (docs/semantics.md, "with-ptes").

States are (enable_count, pause_count). What the range does is in `test_s390x.py`.
"""

from tests.unit.rows import each_row

from . import test_merged
from .example import EVERY_ARCH, Example, disagreements
from .notation import play

WITH_PTES = (
    Example("X enters with `w`", "X D", "wl", "10", (0, 0), False, counters={"enable_with_ptes": 1, "enable": 0}),
    Example("E enters with `e`", "X D E D", "wlel", "1010", (0, 0), False),
    Example("X nested in E calls nothing", "E X D D", "efl", "110", (0, 0), False),
    Example("E nested in X calls nothing", "X E D D", "wfl", "110", (0, 0), False),
    Example("X nested in X calls nothing", "X X D D", "wfl", "110", (0, 0), False),
    Example("pause leaves and resume enters, without arch_pause", "X P R D", "wlel", "1010", (0, 0), False),
    Example("X in a pause is lost", "P X R", "", "", (0, 0), False, counters={"enable_with_ptes": 1}),
    Example("X in a pause does not warn, 255 levels deep", "255*X P X", "wl", "10", (255, 1), False),
    Example("X changes its state before the hook", "X[C]", "w", "1", (1, 0), True, states=((1, 0), (1, 0))),
    Example("the 256th X warns: not active, no hook", "256*X", "w", "1", (0, 0), False, warnings=1),
    Example("so does an X after 255 E", "255*E X", "e", "1", (0, 0), False, warnings=1),
    Example("the 257th enters again", "257*X", "ww", "11", (1, 0), True, warnings=1),
    Example("X does nothing in interrupt", "I{X}", "", "", (0, 0), False, counters={"enable_with_ptes": 1}),
    Example("no hook, no before_hook", "E X[D]", "e", "1", (2, 0), True, counters={"disable": 0}),
    Example("X before `w` is a nested one", "X[X] D D", "wfl", "110", (0, 0), False),
    Example("paused and resumed before `w`: leave, enter, `w`", "X[P R] D", "lewl", "0110", (0, 0), False),
)

EXAMPLES = (*WITH_PTES, *test_merged.EXAMPLES)


def test_with_ptes() -> None:
    assert disagreements(WITH_PTES, "with-ptes") == []


@each_row("example", test_merged.EXAMPLES)
def test_without_x_it_is_merged(example: Example) -> None:
    assert [arch for arch in EVERY_ARCH if example.differences(play(example.program, "with-ptes", arch))] == []
