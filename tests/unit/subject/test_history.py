# SPDX-License-Identifier: GPL-2.0-only
"""Every row of docs/semantics.md, "Historical bugs", with what the model must show.

Where nothing else is said a row is pinned for every revision that has its operations.
"""

from .example import ARM64, MERGED_ONES, NO_PAUSE_HOOKS, S390X, X86_64, Effect, wrong_effects

EFFECTS = (
    Effect("1 a flush in a section", "E W(3) F touch(3) D", (1,)),
    Effect("2 a caller read in lazy mode", "W(3,101) E W(3,201) get(3) F get(3) D", (101, 201), arches=X86_64),
    Effect("2 a caller read, no hazard", "W(3,101) E W(3,201) get(3) F get(3) D", (201, 201), arches=(*ARM64, *S390X)),
    Effect(
        "2 a caller read, from the cache",
        "W(4,101) X W(4,201) get(4) load(4) F get(4) load(4) D",
        (201, 101, 201, 101),
        arches=S390X,
    ),
    Effect(
        "3 a nested leave does not end the mode",
        "E W(4) E W(5) D W(6) W(7) touch(6) touch(7) D",
        (0, 0),
        arches=NO_PAUSE_HOOKS,
        counters={"deferred": 4},
    ),
    Effect(
        "3 a nested leave does not end the mode, with a range",
        "X W(4) E W(5) D W(6) W(7) touch(6) touch(7) D",
        (0, 0),
        counters={"deferred": 4},
    ),
    Effect("4 a nested disable flushes at every level", "E W(3) E W(4) D touch(3) touch(4) W(5) D", (1, 1)),
    Effect("4 a nested disable flushes a range", "X W(4) E W(5) D touch(4) touch(5) W(6) D", (1, 1)),
    Effect(
        "5 a section in an interrupt",
        "E W(4) I{E W(5) touch(5) D} W(6) touch(6) D",
        (1, 0),
        arches=NO_PAUSE_HOOKS,
        counters={"deferred": 2, "direct": 1},
    ),
    Effect(
        "5 a section in an interrupt, with a range",
        "X W(4) I{E W(5) touch(5) D} W(6) touch(6) D",
        (1, 0),
        counters={"deferred": 2, "direct": 1},
    ),
    Effect("6 migration in a section", "E W(3) migrate(1) touch(3) W(4) D", (1,), arches=NO_PAUSE_HOOKS),
    Effect("6 migration in a section, skipped", "E W(3) migrate(1) touch(3) W(4) D", arches=S390X, skipped=2),
    Effect(
        "7 return without leave",
        "E W(3) E W(4) D",
        apis=("merged", "with-ptes"),
        hooks="ef",
        states={"main": (1, 0)},
    ),
    Effect(
        "7 return without leave, with a flag",
        "E W(3) E W(4) D",
        apis=("proposal", "amended", "v3", "v4"),
        hooks="ef",
        states={"main": (1, True)},
    ),
    Effect("8 KASAN populate", "E P W(3) touch(3) R D", (1,)),
    Effect("8 KASAN populate, with a range", "X P W(4) touch(4) R D", (1,)),
    Effect(
        "9 preempted between count and hook",
        "E[pause(main) resume(main)]",
        apis=MERGED_ONES,
        hooks="lee",
        inside="011",
        states={"main": (1, 0)},
    ),
    Effect(
        "10 unlock before leave: a check there sees what is deferred",
        "E W(3) C D",
        arches=NO_PAUSE_HOOKS,
        outstandings=(0, 1, 1, 0),
    ),
    Effect("10 unlock before leave, with a range", "X W(4) C D", outstandings=(0, 1, 1, 0)),
    Effect("10 unlock before leave, nothing deferred", "E W(3) C D", arches=S390X, outstandings=(0, 0, 0, 0)),
    Effect("10 unlock after leave", "E W(3) D C", outstandings=(0, 1, 0, 0), arches=NO_PAUSE_HOOKS),
    Effect(
        "11 TLB flush before disable",
        "W(4,101) load(4) E W(4,201) tlb load(4) D load(4)",
        (101, 101, 101),
        arches=X86_64,
    ),
    Effect(
        "11 TLB flush before disable, no hazard",
        "W(4,101) load(4) E W(4,201) tlb load(4) D load(4)",
        (101, 201, 201),
        arches=ARM64,
    ),
    Effect(
        "11 TLB flush before disable, with a range",
        "W(4,101) load(4) X W(4,201) tlb load(4) D load(4)",
        (101, 101, 101),
        arches=(*S390X, *X86_64),
    ),
    Effect(
        "12 first switch-in of a new task",
        "fork(child) resume(child)",
        apis=MERGED_ONES,
        states={"main": (0, 0), "child": (0, 255)},
    ),
)


def test_history() -> None:
    assert wrong_effects(EFFECTS) == []


def test_each_row_is_there() -> None:
    assert {effect.name.split()[0] for effect in EFFECTS} == {str(number) for number in range(1, 13)}
