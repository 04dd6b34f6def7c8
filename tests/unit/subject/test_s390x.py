# SPDX-License-Identifier: GPL-2.0-only
"""What s390x puts off, by examples (docs/semantics.md, "s390x"). `X` has the range 4..11."""

from msgspec.structs import replace

from .example import EVERY_API, MERGED_ONES, S390X, WITH_X, WITHOUT_PAUSE_COUNT, Effect, wrong_effects
from .notation import valid, writes

FIRST_8 = writes(*range(8))

DIRECT = (
    Effect(
        "an entry that was invalid needs no IPTE",
        "W(3) touch(3) get(3)",
        (1, valid(3)),
        EVERY_API,
        counters={"deferred": 0, "direct": 1, "iptes": 0, "ipte_entries": 0},
        table={3: valid(3)},
    ),
    Effect(
        "one that was valid needs one, whatever is stored",
        "W(3) W(3,101) clear(3) clear(3) W(3,4096) W(3)",
        (101, 0),
        EVERY_API,
        counters={"direct": 6, "iptes": 2, "ipte_entries": 2},
    ),
    Effect(
        "a section without a range puts nothing off",
        "W(3) E W(3,101) touch(3) get(3) D",
        (1, 101),
        EVERY_API,
        counters={"deferred": 0, "direct": 2, "iptes": 1, "ipte_entries": 1},
    ),
    Effect(
        "a range begins at its index and ends before index + count",
        f"X(4,8) {writes(3, 4, 11, 12)} touch(3) touch(4) touch(11) touch(12) D",
        (1, 0, 0, 1),
        counters={"deferred": 2, "direct": 2},
    ),
    Effect("a range of the whole table", "X(0,256) W(0) W(255) touch(0) touch(255) D", (0, 0)),
    Effect("a range of one entry", f"X(7,1) {writes(6, 7, 8)} touch(6) touch(7) touch(8) D", (1, 0, 1)),
    Effect(
        "in interrupt a write in the range is direct",
        "X I{W(4) touch(4)} W(5) touch(5) D",
        (1, 0),
        counters={"deferred": 1, "direct": 1},
    ),
    Effect(
        "a slot does not survive a direct write: the newer value wins",
        "X W(4,101) I{W(4,201) get(4)} get(4) touch(4) D get(4)",
        (201, 201, 1, 201),
        counters={"deferred": 1, "direct": 1, "iptes": 0},
    ),
    Effect(
        "that write looks at memory, not at the slot",
        "W(4) X clear(4) I{W(4,201)} D",
        (valid(4),),
        counters={"direct": 2, "iptes": 1, "ipte_entries": 1},
        table={4: 201},
    ),
)

CACHE = (
    Effect(
        "get_pte reads the slot, memory is stale until leave",
        "W(4) X W(4,101) get(4) load(4) touch(4) D get(4) touch(4)",
        (101, valid(4), 0, 101, 1),
        counters={"deferred": 1, "direct": 1, "iptes": 1, "ipte_entries": 1},
        outstandings=(0, 0, 1, 1, 1, 1, 0, 0, 0),
    ),
    Effect(
        "clear_pte answers the slot, and fills it",
        "X W(4) clear(4) get(4) D get(4)",
        (valid(4), 0, 0),
        counters={"deferred": 2, "iptes": 0},
        table={},
    ),
    Effect("a slot that holds 0 is in use", "W(4) X clear(4) get(4) touch(4) D", (valid(4), 0, 0)),
    Effect(
        "a slot filled twice is applied once",
        "W(4) X W(4,101) W(4,201) D get(4)",
        (201,),
        counters={"deferred": 2, "iptes": 1, "ipte_entries": 1},
    ),
    Effect("nothing happens by itself at the end", "X W(4) W(5)", outstanding=2, table={}),
)

APPLY = (
    Effect(
        "the example: two runs",
        f"{FIRST_8} X(0,8) clear(0) clear(1) clear(2) clear(5) clear(6) D",
        tuple(map(valid, (0, 1, 2, 5, 6))),
        counters={"deferred": 5, "direct": 8, "iptes": 2, "ipte_entries": 5},
        table={entry: valid(entry) for entry in (3, 4, 7)},
    ),
    Effect(
        "the example with entry 1 invalid before: a run is split there",
        f"{FIRST_8} clear(1) X(0,8) clear(0) clear(1) clear(2) clear(5) clear(6) D",
        (valid(1), valid(0), 0, valid(2), valid(5), valid(6)),
        counters={"deferred": 5, "iptes": 1 + 3, "ipte_entries": 1 + 4},
    ),
    Effect(
        "runs of invalid entries need none, whatever is stored",
        f"X(0,8) {FIRST_8} D",
        counters={"deferred": 8, "iptes": 0, "ipte_entries": 0},
        table={entry: valid(entry) for entry in range(8)},
    ),
    Effect(
        "entries are taken in index order, not in that of the writes",
        f"{FIRST_8} X(0,8) {writes(6, 4, 5)} D",
        counters={"iptes": 1, "ipte_entries": 3},
    ),
    Effect("a gap ends a run", f"{FIRST_8} X(0,8) {writes(4, 6)} D", counters={"iptes": 2, "ipte_entries": 2}),
    Effect(
        "invalid entries between valid ones: two runs with an IPTE, one without",
        f"{writes(0, 1, 4, 5)} X(0,8) {writes(0, 1, 2, 3, 4, 5)} D",
        counters={"iptes": 2, "ipte_entries": 4},
    ),
)

HOOKS = (
    Effect(
        "flush applies and keeps the range",
        "X W(4) F touch(4) W(5) touch(5) D touch(5)",
        (1, 0, 1),
        counters={"deferred": 2},
    ),
    Effect("so does a flush in interrupt", "X W(4) I{F touch(4)} W(5) touch(5) D", (1, 0)),
    Effect("and a nested disable", "X W(4) E W(5) D touch(4) touch(5) W(6) touch(6) D", (1, 1, 0)),
    Effect(
        "the range of a nested X is not taken",
        "X(4,8) X(20,4) W(20) W(4) touch(20) touch(4) D D",
        (1, 0),
        counters={"deferred": 1, "direct": 1},
    ),
    Effect("nor that of an X in a section without one", "E X(4,8) W(4) touch(4) D D", (1,)),
    Effect("nor that of an X in interrupt", "X(4,8) I{X(20,4)} W(20) W(4) touch(20) touch(4) D", (1, 0)),
    Effect(
        "leave drops the range: misuse leaves the task active",
        "X D D W(4) touch(4)",
        (1,),
        ("with-ptes",),
        counters={"deferred": 0, "direct": 1},
    ),
    Effect(
        "leave drops the range: a pair of pause and resume leaves the task active",
        "X D P R W(4) touch(4)",
        (1,),
        ("amended",),
        counters={"deferred": 0, "direct": 1},
        hooks="wlpr",
    ),
    Effect(
        "enter applies what waits and drops the range",
        "X W(4) 255*E touch(4) E touch(4) get(4) W(5) touch(5)",
        (0, 1, valid(4), 1),
        ("with-ptes",),
        counters={"deferred": 1, "direct": 1},
        hooks="we",
    ),
    Effect(
        "in amended too",
        "X W(4) 255*E touch(4) E touch(4) W(5) touch(5)",
        (0, 1, 1),
        ("amended",),
        hooks="we",
    ),
    Effect(
        "`w` applies what waits and takes the new range",
        "X(4,8) W(4) 255*E X(20,4) touch(4) W(20) W(5) touch(20) touch(5)",
        (1, 0, 1),
        outstanding=1,
        hooks="ww",
    ),
    Effect(
        "a nested `w` in amended's before_hook: the outer range counts",
        "X(4,8)[X(20,4)] W(20) W(4) touch(20) touch(4)",
        (1, 0),
        ("amended",),
        outstanding=1,
        hooks="ww",
    ),
    Effect(
        "what waits after a wrap is written over directly",
        "X W(4) 255*E W(4,201) touch(4) get(4)",
        (1, 201),
        ("with-ptes",),
        counters={"deferred": 1, "direct": 1},
    ),
)
PAUSES = (
    Effect(
        "arch_pause applies and keeps the range; writes in the pause are direct",
        "X W(4) P touch(4) W(5) touch(5) R W(6) touch(6) D touch(6)",
        (1, 1, 0, 1),
        ("amended",),
        counters={"deferred": 2, "direct": 1},
        hooks="wprl",
    ),
    Effect(
        "with-ptes: pause leaves, and the range is lost",
        "X W(4) P touch(4) W(5) R W(6) touch(6) D",
        (1, 1),
        ("with-ptes",),
        counters={"deferred": 1, "direct": 2},
        hooks="wlel",
    ),
    Effect(
        "arch_resume does nothing more",
        "X P R[R W(4) touch(4)] touch(4) D",
        (0, 0),
        ("amended",),
        hooks="wprrl",
    ),
    Effect(
        "nested pauses keep the range as well",
        "X P P R R W(4) touch(4) D",
        (0,),
        ("amended",),
        hooks="wpprrl",
    ),
    Effect(
        "a section opened in a pause is a nested one",
        "X P E W(4) D R W(5) touch(5) D",
        (0,),
        ("amended",),
        counters={"deferred": 1, "direct": 1},
    ),
)


def leaving(name: str, before: str, apis: tuple[str, ...], skipped: bool) -> tuple[Effect, ...]:
    """Return an effect for each operation at which a task must leave its CPU, or a new one comes to be."""
    operations = ("switch(other)", "migrate(1)", "sleep(1)", "fork(child)")
    at = sum(int(word.split("*")[0]) if "*" in word else 1 for word in before.split())
    return tuple(
        Effect(
            f"{name}: {operation}",
            f"task(other,1) {before} {operation}",
            None,
            apis,
            skipped=at if skipped else None,
        )
        for operation in operations
    )


PREEMPTION = (
    *leaving("preemption is off after enter", "E", EVERY_API, skipped=True),
    *leaving("preemption is off after `w`", "X", WITH_X, skipped=True),
    *leaving("it is off in a nested section after a nested disable", "E E D", EVERY_API, skipped=True),
    *leaving("it is on after leave", "E D", EVERY_API, skipped=False),
    *leaving("it is on without a section", "F", EVERY_API, skipped=False),
    *leaving("it is off during arch_pause", "E P", ("amended",), skipped=True),
    *leaving("it is off during arch_pause with a range", "X P", ("amended",), skipped=True),
    *leaving("it is on in a pause that called leave", "E P", ("proposal", "v3", "v4", *MERGED_ONES), skipped=False),
    *leaving("it is off after a resume that called enter", "E P R", ("proposal", *MERGED_ONES), skipped=True),
    *leaving("it is off after that without a section too", "R", ("proposal", "v3", "v4"), skipped=True),
    *leaving("it is as it was after arch_resume", "R", ("amended",), skipped=False),
    *leaving("one leave is enough, however often enter was called", "R R P", ("proposal",), skipped=False),
    *leaving("a leave without a section turns nothing off", "P", WITHOUT_PAUSE_COUNT, skipped=False),
    *leaving("it is off until leave, active or not", "256*E", EVERY_API, skipped=True),
    Effect("another task's hook is the caller's", "E pause(main) sleep(1)", apis=MERGED_ONES, hooks="el"),
    Effect(
        "preemption off belongs to the task that called enter for another",
        "task(other,1) E pause(main) switch(other) resume(main) switch(main)",
        None,
        MERGED_ONES,
        skipped=4,
    ),
    Effect(
        "a task is forked without a range",
        "X pause(main) fork(child) switch(child) resume(child) W(4) touch(4) D",
        (1,),
        ("with-ptes",),
        hooks="wlel",
    ),
)

EFFECTS = tuple(replace(effect, arches=S390X) for effect in (*DIRECT, *CACHE, *APPLY, *HOOKS, *PAUSES, *PREEMPTION))


def test_s390x() -> None:
    assert wrong_effects(EFFECTS) == []
