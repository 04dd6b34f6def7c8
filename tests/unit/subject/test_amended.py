# SPDX-License-Identifier: GPL-2.0-only
"""The amendments of 15 September 2025, by examples (docs/semantics.md, "proposal and amended").

States are (count, enabled). What does not touch pause, resume or X is as in `test_proposal.py`.
"""

from .example import NO_PAUSE_HOOKS, S390X, Example, disagreements
from .notation import play

SECTIONS = (
    Example("a nested section", "E E D D", "efl", "010", (0, False), False),
    Example("disable at 0 flushes and wraps", "D", "f", "0", (255, False), False),
    Example("a wrap to 0 leaves the flag as it is", "256*E", "e", "0", (0, True), True),
    Example(
        "enable changes its state after the hook", "E[C]", "e", "0", (1, True), True, states=((0, False), (1, True))
    ),
)

WITH_PTES = (
    Example("X enters with `w`", "X D", "wl", "00", (0, False), False, counters={"enable_with_ptes": 1, "enable": 0}),
    Example("X nested in E calls nothing", "E X D D", "efl", "010", (0, False), False),
    Example("E nested in X calls nothing", "X E D D", "wfl", "010", (0, False), False),
    Example("X nested in X calls nothing", "X X D D", "wfl", "010", (0, False), False),
    Example("X changes its state after the hook", "X[C]", "w", "0", (1, True), True, states=((0, False), (1, True))),
    Example("E before `w`: the outer count continues from there", "X[E]", "ew", "01", (2, True), True),
    Example("X before enter", "E[X]", "we", "01", (2, True), True),
    Example("disable before `w`: 255, and 0 after it", "X[D]", "fw", "00", (0, True), True),
    Example("X moves the counter modulo 256", "256*X", "w", "0", (0, True), True),
    Example("the X after a wrap enters again", "257*X", "ww", "01", (1, True), True),
    Example("X after 255 E wraps and calls nothing", "255*E X", "e", "0", (0, True), True),
    Example("X does nothing in interrupt", "I{X}", "", "", (0, False), False, counters={"enable_with_ptes": 1}),
    Example("no hook, no before_hook", "E X[D]", "e", "0", (2, True), True, counters={"disable": 0}),
)


def paused(
    name: str,
    program: str,
    letters: dict[str, str],
    inside: str,
    state: tuple[int, bool],
    states: tuple[tuple[int, bool], ...] = (),
) -> tuple[Example, Example]:
    """Return an example for s390x and one for the others: `letters` has the hooks of each. The states are the same."""
    active = state[1]
    return (
        Example(name, program, letters["s390x"], inside, state, active, arches=S390X, states=states),
        Example(name, program, letters["others"], inside, state, active, arches=NO_PAUSE_HOOKS, states=states),
    )


PAUSES = (
    *paused("a pause in a section", "E P R D", {"s390x": "eprl", "others": "elel"}, "0000", (0, False)),
    *paused(
        "a pause in a nested section",
        "E E P R D D",
        {"s390x": "eprfl", "others": "elefl"},
        "00010",
        (0, False),
        states=((1, True), (2, True), (2, False), (2, True), (1, True), (0, False)),
    ),
    *paused(
        "nested pauses each call their hook",
        "E P P R R D",
        {"s390x": "epprrl", "others": "elleel"},
        "000010",
        (0, False),
    ),
    *paused("a pause in a section with a range", "X P R D", {"s390x": "wprl", "others": "wlel"}, "0000", (0, False)),
    *paused("pause and resume without a section", "P R", {"s390x": "pr", "others": "le"}, "00", (0, True)),
    *paused("resume while on sees itself active", "R R", {"s390x": "rr", "others": "ee"}, "01", (0, True)),
    *paused(
        "a section ended in a pause stays enabled", "E P D R", {"s390x": "eplr", "others": "elle"}, "0000", (0, True)
    ),
    *paused("a section opened in a pause", "E P E R D D", {"s390x": "eprfl", "others": "elefl"}, "00010", (0, False)),
    *paused(
        "enable with a range in a pause outside any section", "P X", {"s390x": "pw", "others": "lw"}, "00", (1, True)
    ),
    *paused(
        "an interrupt cannot pause or resume",
        "E P I{R P F} R D",
        {"s390x": "epfrl", "others": "elfel"},
        "00000",
        (0, False),
    ),
    *paused("pause before enter does not keep the mode off", "E[P]", {"s390x": "pe", "others": "le"}, "00", (1, True)),
    *paused(
        "pause clears the flag before the hook",
        "E P[C]",
        {"s390x": "ep", "others": "el"},
        "00",
        (1, False),
        states=((1, True), (1, False), (1, False)),
    ),
    *paused(
        "resume sets the flag after the hook",
        "R[C]",
        {"s390x": "r", "others": "e"},
        "0",
        (0, True),
        states=((0, False), (0, True)),
    ),
    *paused(
        "resume before pause's hook undoes the pause",
        "E P[R] D",
        {"s390x": "erpl", "others": "eell"},
        "0010",
        (0, False),
    ),
    *paused(
        "pause before resume's hook does not keep the mode off",
        "E P R[P]",
        {"s390x": "eppr", "others": "elle"},
        "0000",
        (1, True),
    ),
    *paused("enable before resume's hook", "R[E]", {"s390x": "er", "others": "ee"}, "01", (1, True)),
)

EXAMPLES = (*SECTIONS, *WITH_PTES, *PAUSES)


def test_amended() -> None:
    assert disagreements(EXAMPLES, "amended") == []


def test_hooks_that_an_architecture_lacks_are_not_counted() -> None:
    without, having = (play("E P R D", "amended", arch).counters for arch in ("x86_64", "s390x"))
    assert (without["arch_enter"], without["arch_leave"], without["arch_pause"], without["arch_resume"]) == (2, 2, 0, 0)
    assert (having["arch_enter"], having["arch_leave"], having["arch_pause"], having["arch_resume"]) == (1, 1, 1, 1)
