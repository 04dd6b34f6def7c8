# SPDX-License-Identifier: GPL-2.0-only
"""What x86_64 puts off, by examples (docs/semantics.md, "x86_64")."""

from msgspec.structs import replace

from .example import MERGED_ONES, WITH_X, X86_64, Effect, wrong_effects
from .notation import valid, writes

QUEUE = (
    Effect(
        "a write outside a section is a queue of one, issued",
        "W(3) touch(3) get(3)",
        (1, valid(3)),
        counters={"deferred": 0, "direct": 1, "multicalls": 1, "updates": 1},
    ),
    Effect(
        "in a section memory is stale until leave: a read hazard",
        "W(3) E W(3,101) touch(3) get(3) load(3) D touch(3) get(3)",
        (0, valid(3), valid(3), 1, 101),
        counters={"deferred": 1, "direct": 1, "multicalls": 2, "updates": 2},
        outstandings=(0, 0, 1, 1, 1, 1, 0, 0, 0),
    ),
    Effect(
        "one multicall for a section of writes",
        f"E {writes(3, 4, 200)} D",
        counters={"deferred": 3, "multicalls": 1, "updates": 3},
        table={3: valid(3), 4: valid(4), 200: valid(200)},
    ),
    Effect(
        "an entry written twice is two updates, in order, and outstanding once",
        "E W(3,101) W(3,201) D get(3)",
        (201,),
        counters={"multicalls": 1, "updates": 2},
        outstandings=(0, 1, 1, 0, 0),
    ),
    Effect(
        "an invalid value is queued as any other",
        "E W(3,4096) touch(3) D touch(3)",
        (0, 1),
        counters={"deferred": 1, "updates": 1},
        table={3: 4096},
    ),
    Effect(
        "clear answers memory",
        "W(3) E W(3,101) clear(3) get(3) D get(3)",
        (valid(3), valid(3), 0),
        counters={"deferred": 2, "updates": 3},
        table={},
    ),
    Effect("an empty queue issues nothing", "E F E D D F sleep(1)", counters={"multicalls": 0, "updates": 0}),
    Effect(
        "nothing happens by itself at the end",
        "E W(3) W(4)",
        outstanding=2,
        counters={"multicalls": 0},
        table={},
    ),
)

LENGTH = (
    Effect(
        "31 updates wait",
        f"E {writes(*range(31))} touch(0) touch(30) D",
        (0, 0),
        counters={"multicalls": 1, "updates": 31},
    ),
    Effect(
        "the 32nd issues them at once, and is deferred",
        f"E {writes(*range(32))} touch(0) touch(31) get(31)",
        (1, 1, valid(31)),
        counters={"deferred": 32, "direct": 0, "multicalls": 1, "updates": 32},
    ),
    Effect(
        "the 33rd waits again",
        f"E {writes(*range(33))} touch(31) touch(32)",
        (1, 0),
        outstanding=1,
        counters={"deferred": 33, "multicalls": 1, "updates": 32},
    ),
    Effect("so does the 65th", f"E {writes(*range(65))}", outstanding=1, counters={"multicalls": 2, "updates": 64}),
    Effect(
        "updates of one entry fill the queue too",
        f"E {writes(*[3] * 32)} touch(3)",
        (1,),
        counters={"multicalls": 1, "updates": 32},
    ),
    Effect(
        "a direct write as the 32nd issues once",
        f"E {writes(*range(31))} I{{W(40) touch(0) touch(40)}} D",
        (1, 1),
        counters={"deferred": 31, "direct": 1, "multicalls": 1, "updates": 32},
    ),
)

ISSUES = (
    Effect("flush issues it", "E W(3) F touch(3) F D", (1,), counters={"multicalls": 1}),
    Effect(
        "so does a nested disable, and the section continues",
        "E W(3) E W(4) D touch(3) touch(4) W(5) touch(5) D",
        (1, 1, 0),
        counters={"deferred": 3, "multicalls": 2, "updates": 3},
    ),
    Effect(
        "and a pause, in which writes are direct",
        "E W(3) P touch(3) W(4) touch(4) R W(5) touch(5) D",
        (1, 1, 0),
        counters={"deferred": 2, "direct": 1, "multicalls": 3},
    ),
    Effect(
        "a direct write in interrupt issues the whole queue",
        "E W(3) I{W(4) touch(3) touch(4)} D",
        (1, 1),
        counters={"deferred": 1, "direct": 1, "multicalls": 1, "updates": 2},
    ),
    Effect(
        "it does not overtake the queue",
        "E W(3,101) I{W(3,201) get(3)} get(3) D get(3)",
        (201, 201, 201),
    ),
    Effect("flush in interrupt issues it", "E W(3) I{F touch(3)} D", (1,), counters={"multicalls": 1}),
    Effect("so it does on CPU 1", "migrate(1) E W(3) I{touch(3) F touch(3)} D", (0, 1), counters={"multicalls": 1}),
    Effect(
        "enter issues none: a section after a wrap",
        "E W(3) 256*E touch(3) F touch(3)",
        (0, 1),
        MERGED_ONES,
        counters={"multicalls": 1},
    ),
    Effect("neither does `w`", "X W(3) 256*X touch(3)", (0,), WITH_X, outstanding=1, counters={"multicalls": 0}),
    Effect(
        "X's range is nothing to it", "X(4,8) W(3) W(4) touch(3) touch(4) D", (0, 0), WITH_X, counters={"updates": 2}
    ),
    Effect(
        "before leave's hook the task is not active: a write there issues what waits",
        "E W(3) D[touch(3) W(4) touch(3)] touch(4)",
        (0, 1, 1),
        counters={"direct": 1, "multicalls": 1, "updates": 2},
    ),
)

TASKS = (
    Effect(
        "a switch issues the queue of the CPU that is left, with no hook",
        "task(other,1) E W(3) switch(other) touch(3) switch(main) touch(3) W(4) D",
        (1, 1),
        counters={"multicalls": 2, "updates": 2},
        hooks="el",
    ),
    Effect(
        "also where the other task is on the same CPU",
        "task(other,0) E W(3) switch(other) touch(3)",
        (1,),
        counters={"multicalls": 1},
    ),
    Effect(
        "so does a migration, and the new CPU has its own queue",
        "E W(3) migrate(1) touch(3) W(4) touch(4) D touch(4)",
        (1, 0, 1),
        counters={"deferred": 2, "multicalls": 2, "updates": 2},
        hooks="el",
    ),
    Effect("so does a sleep", "E W(3) sleep(10) touch(3) D", (1,), counters={"multicalls": 1}, hooks="el"),
    Effect(
        "fork issues nothing; a switch to the child does",
        "E W(3) fork(child) touch(3) switch(child) touch(3) D",
        (0, 1),
        counters={"multicalls": 1, "updates": 1},
    ),
    Effect(
        "the child's writes wait by the state that it was given",
        "E fork(child) switch(child) W(3) touch(3) D touch(3)",
        (0, 1),
    ),
)

EFFECTS = tuple(replace(effect, arches=X86_64) for effect in (*QUEUE, *LENGTH, *ISSUES, *TASKS))


def test_x86_64() -> None:
    assert wrong_effects(EFFECTS) == []
