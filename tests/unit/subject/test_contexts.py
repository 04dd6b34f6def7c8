# SPDX-License-Identifier: GPL-2.0-only
"""Contexts: what is in interrupt and what is not (docs/semantics.md, "Revisions", "Common rules")."""

from .example import NO_PAUSE_HOOKS, S390X, Effect, wrong_effects

#: The contexts in which in_interrupt() is true.
IN_INTERRUPT = "ISB"


def everywhere(name: str, program: str, **pins: object) -> tuple[Effect, ...]:
    """Return an effect for each context that is in interrupt; `@` is its place in the program."""
    return tuple(
        Effect(f"{name}: {letter}", program.replace("@", letter), **pins)  # type: ignore[arg-type]
        for letter in IN_INTERRUPT
    )


EFFECTS = (
    *everywhere(
        "the calls do nothing, are counted, and do not warn",
        "@{E E D P R D D R}",
        hooks="",
        actives="000000000",
        counters={"enable": 2, "disable": 3, "pause": 1, "resume": 2, "warnings": 0},
    ),
    *everywhere(
        "a section continues after it",
        "E @{W(3) touch(3) E W(4) touch(4) D C} W(5) touch(5) D",
        values=(1, 1, 0),
        arches=NO_PAUSE_HOOKS,
        hooks="el",
        actives="100000001110",
        counters={"deferred": 1, "direct": 2, "enable": 2, "disable": 2},
    ),
    *everywhere(
        "and on s390x",
        "X @{W(4) touch(4)} W(5) touch(5) D",
        values=(1, 0),
        arches=S390X,
        counters={"deferred": 1, "direct": 1},
    ),
    *everywhere("X does nothing", "@{X(4,8) W(4) touch(4)}", values=(1,), hooks="", counters={"enable_with_ptes": 1}),
    *everywhere(
        "flush is called, and sees no task active",
        "E W(3) @{F touch(3)} D",
        values=(1,),
        hooks="efl",
        counters={"flush": 1, "arch_flush": 1, "direct": 0},
        arches=NO_PAUSE_HOOKS,
    ),
    *everywhere(
        "flush sees the task inactive",
        "R @{F} F",
        apis=("proposal", "amended", "v3"),
        arches=NO_PAUSE_HOOKS,
        inside="001",
    ),
    *everywhere(
        "before a hook as well",
        "E D[@{W(3) E touch(3)}]",
        values=(1,),
        hooks="el",
    ),
    Effect("flush outside a section", "F", hooks="f", inside="0", counters={"flush": 1, "arch_flush": 1}),
    Effect(
        "an interrupt in a softirq: after it the softirq continues",
        "E S{I{C E} C E W(3) touch(3)} C D",
        (1,),
        hooks="el",
        counters={"enable": 3, "direct": 1},
    ),
    Effect(
        "an interrupt where bottom halves are off",
        "E B{I{D F} D C} C D",
        hooks="efl",
        counters={"disable": 3},
    ),
    Effect(
        "interrupts off are not in interrupt",
        "O{E W(3) touch(3) F touch(3) P R D}",
        (0, 1),
        arches=NO_PAUSE_HOOKS,
        hooks="eflel",
        counters={"deferred": 1, "direct": 0},
        actives="111110100",
    ),
    Effect(
        "a section continues through them",
        "E O{C W(3) touch(3) E W(4) D touch(4)} D",
        (0, 1),
        arches=NO_PAUSE_HOOKS,
        hooks="efl",
        counters={"deferred": 2},
    ),
    Effect(
        "one may begin there and end later",
        "O{E} W(3) touch(3) O{D} touch(3)",
        (0, 1),
        arches=NO_PAUSE_HOOKS,
        hooks="el",
    ),
)


def test_contexts() -> None:
    assert wrong_effects(EFFECTS) == []
