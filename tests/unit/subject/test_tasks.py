# SPDX-License-Identifier: GPL-2.0-only
"""Tasks: the state is theirs, whichever CPU they are on (docs/semantics.md, "Merged", "Common rules").

What a hand-over does to what an architecture has put off is in its own file.
"""

from .example import MERGED_ONES, NO_PAUSE_HOOKS, S390X, WITHOUT_PAUSE_COUNT, Effect, wrong_effects

STATE = (
    Effect(
        "a section is its task's",
        "task(other,1) E switch(other) W(3) touch(3) switch(main) W(4) touch(4) D",
        (1, 0),
        arches=NO_PAUSE_HOOKS,
        counters={"deferred": 1, "direct": 1},
        tasks=("main", "other", "other", "other", "main", "main", "main", "main"),
        actives="10001110",
    ),
    Effect(
        "also among tasks of one CPU",
        "task(other,0) E switch(other) E E switch(main) D",
        arches=NO_PAUSE_HOOKS,
        apis=MERGED_ONES,
        states={"main": (0, 0), "other": (2, 0)},
        hooks="eel",
    ),
    Effect(
        "a pause is its task's",
        "task(other,1) E P switch(other) E D switch(main) R D",
        apis=MERGED_ONES,
        states={"main": (0, 0), "other": (0, 0)},
        hooks="elelel",
        inside="101010",
    ),
    Effect(
        "a section continues after a migration",
        "E migrate(1) W(3) touch(3) D touch(3)",
        (0, 1),
        arches=NO_PAUSE_HOOKS,
        hooks="el",
        actives="111100",
    ),
    Effect("and after a sleep", "E sleep(1000) W(3) touch(3) D", (0,), arches=NO_PAUSE_HOOKS, hooks="el"),
    Effect(
        "a task that another left behind on its CPU is not in that one's section",
        "task(other,1) E migrate(1) switch(other) W(3) touch(3)",
        (1,),
        arches=NO_PAUSE_HOOKS,
    ),
)

FORK = (
    Effect(
        "fork copies the state",
        "E E fork(child) D D switch(child) C D",
        apis=MERGED_ONES,
        arches=NO_PAUSE_HOOKS,
        states={"main": (0, 0), "child": (1, 0)},
        hooks="eflf",
        tasks=("main", "main", "main", "main", "main", "child", "child", "child"),
        actives="11110111",
    ),
    Effect(
        "both counters of it",
        "E E P P fork(child) R R D D switch(child) C(main) R",
        apis=MERGED_ONES,
        arches=NO_PAUSE_HOOKS,
        states={"main": (0, 0), "child": (2, 1)},
        hooks="elefl",
    ),
    Effect(
        "the count and the flag",
        "E P fork(child) R switch(child) E",
        apis=("proposal", "amended", "v3"),
        arches=NO_PAUSE_HOOKS,
        states={"main": (1, True), "child": (2, False)},
    ),
    Effect(
        "on s390x too, where a task may fork",
        "E P fork(child) switch(child) R",
        apis=MERGED_ONES,
        arches=S390X,
        states={"main": (1, 1), "child": (1, 0)},
    ),
    Effect(
        "the child does not run before it is switched to",
        "fork(child) E C(child) D",
        apis=WITHOUT_PAUSE_COUNT,
        tasks=("main", "main", "child", "main"),
        actives="0100",
        states={"main": (0, False), "child": (0, False)},
    ),
    Effect(
        "a child of a child",
        "E fork(b) switch(b) E fork(a) switch(a) D",
        apis=MERGED_ONES,
        arches=NO_PAUSE_HOOKS,
        states={"main": (1, 0), "b": (2, 0), "a": (1, 0)},
    ),
)

TASK_CALLS = (
    Effect(
        "pause_task and resume_task are P and R on that task, and are not counted as calls",
        "E pause(main) resume(main) D",
        states={"main": (0, 0)},
        hooks="elel",
        inside="1010",
        counters={"pause": 0, "resume": 0, "arch_enter": 2, "arch_leave": 2},
        actives="1010",
    ),
    Effect(
        "nested ones are counted",
        "E pause(main) pause(main) resume(main)",
        states={"main": (1, 1)},
        hooks="el",
    ),
    Effect(
        "without the interrupt check; no task is active there",
        "E I{pause(main) C resume(main)} D",
        states={"main": (0, 0)},
        hooks="elel",
        inside="1000",
        actives="100010",
    ),
    Effect(
        "nor one for softirq",
        "E S{pause(main)}",
        states={"main": (1, 1)},
        hooks="el",
        inside="10",
    ),
    Effect(
        "another task outside a section: no hook",
        "task(other,1) E pause(other) C",
        states={"main": (1, 0), "other": (0, 1)},
        hooks="e",
        actives="111",
    ),
    Effect(
        "a section of another task: the hook and its digit are the calling task's",
        "task(other,1) switch(other) E switch(main) E pause(other) D pause(main)",
        states={"main": (0, 1), "other": (1, 1)},
        hooks="eell",
        inside="1110",
        arches=NO_PAUSE_HOOKS,
    ),
    Effect(
        "and so is what the hook does",
        "task(other,1) switch(other) E switch(main) E W(3) pause(other) touch(3) W(4) touch(4)",
        (1, 0),
        states={"main": (1, 0), "other": (1, 1)},
        outstanding=1,
        arches=NO_PAUSE_HOOKS,
    ),
    Effect(
        "outside a section of its own the caller sees itself inactive",
        "E fork(child) switch(child) D resume(main) pause(main)",
        states={"main": (1, 0), "child": (0, 0)},
        hooks="el",
        inside="10",
        counters={"warnings": 2},
        arches=NO_PAUSE_HOOKS,
    ),
    Effect(
        "resume_task without a pause warns",
        "fork(child) resume(child)",
        states={"main": (0, 0), "child": (0, 255)},
        counters={"warnings": 1, "resume": 0},
    ),
    Effect("the 256th pause_task warns", "256*pause(main)", states={"main": (0, 0)}, counters={"warnings": 1}),
)

EFFECTS = (*STATE, *FORK, *TASK_CALLS)


def test_tasks() -> None:
    assert wrong_effects(EFFECTS) == []
