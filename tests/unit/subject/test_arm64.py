# SPDX-License-Identifier: GPL-2.0-only
"""What arm64 puts off, by examples (docs/semantics.md, "arm64")."""

from msgspec.structs import replace

from .example import ARM64, MERGED_ONES, WITH_X, Effect, wrong_effects
from .notation import valid, writes

INVALID = 4096

WRITES = (
    Effect(
        "a valid write outside a section issues its barrier",
        "W(3) touch(3) get(3)",
        (1, valid(3)),
        counters={"deferred": 0, "direct": 1, "barriers": 1},
        table={3: valid(3)},
    ),
    Effect(
        "in a section memory is written at once, the barrier waits for leave",
        "E W(3) touch(3) get(3) load(3) D touch(3)",
        (0, valid(3), valid(3), 1),
        counters={"deferred": 1, "direct": 0, "barriers": 1},
        outstandings=(0, 1, 1, 1, 1, 0, 0),
    ),
    Effect(
        "an invalid value needs no barrier",
        f"E W(3,{INVALID}) touch(3) D clear(3) W(3,{INVALID})",
        (1, INVALID),
        counters={"deferred": 0, "direct": 3, "barriers": 0},
        table={3: INVALID},
    ),
    Effect(
        "one barrier for a section of writes",
        f"E {writes(3, 4, 200)} D",
        counters={"deferred": 3, "barriers": 1},
        outstandings=(0, 1, 2, 3, 0),
    ),
    Effect(
        "an entry written twice is outstanding once",
        "E W(3) W(3,8193) D get(3)",
        (8193,),
        counters={"deferred": 2, "barriers": 1},
        outstandings=(0, 1, 1, 0, 0),
    ),
    Effect(
        "clearing it: the last write has taken full effect, the flag stays set",
        "E W(3) clear(3) touch(3) D",
        (valid(3), 1),
        counters={"deferred": 1, "direct": 1, "barriers": 1},
        outstandings=(0, 1, 0, 0, 0),
    ),
    Effect(
        "a write after it is outstanding again",
        "E W(3) clear(3) W(3) touch(3) D",
        (valid(3), 0),
        counters={"deferred": 2, "direct": 1, "barriers": 1},
    ),
    Effect("nothing was written: no barrier", "E F E D D F", counters={"barriers": 0}),
    Effect("nothing happens by itself at the end", "E W(3) W(4)", outstanding=2, counters={"barriers": 0}),
)

BARRIERS = (
    Effect(
        "flush issues it and clears the flag",
        "E W(3) F touch(3) F D",
        (1,),
        counters={"barriers": 1},
    ),
    Effect(
        "so does a nested disable, and the section continues",
        "E W(3) E W(4) D touch(3) touch(4) W(5) touch(5) D",
        (1, 1, 0),
        counters={"deferred": 3, "barriers": 2},
    ),
    Effect(
        "in a pause writes are direct",
        "E W(3) P touch(3) W(4) touch(4) R W(5) touch(5) D",
        (1, 1, 0),
        counters={"deferred": 2, "direct": 1, "barriers": 3},
    ),
    Effect(
        "a direct write in interrupt completes what waits, and the flag stays",
        "E W(3) I{W(4) touch(3) touch(4)} touch(3) D",
        (1, 1, 1),
        counters={"deferred": 1, "direct": 1, "barriers": 2},
    ),
    Effect(
        "a direct invalid write in interrupt completes nothing",
        "E W(3) I{clear(4) touch(3)} D",
        (0, 0),
        counters={"direct": 1, "barriers": 1},
    ),
    Effect(
        "flush in interrupt acts on the interrupted task",
        "E W(3) I{F touch(3)} D",
        (1,),
        counters={"barriers": 1},
    ),
    Effect("the flag of an earlier section was cleared by leave", "E W(3) D E D F", counters={"barriers": 1}),
    Effect(
        "enter issues none: a section after a wrap",
        "E W(3) 256*E touch(3) F touch(3)",
        (0, 1),
        MERGED_ONES,
        counters={"barriers": 1},
    ),
    Effect("neither does `w`", "X W(3) 256*X touch(3)", (0,), WITH_X, outstanding=1, counters={"barriers": 0}),
    Effect(
        "X's range is nothing to it", "X(4,8) W(3) W(4) touch(3) touch(4) D", (0, 0), WITH_X, counters={"barriers": 1}
    ),
    Effect(
        "before leave's hook the task is not active, and the flag still set",
        "E W(3) D[touch(3) W(4)] touch(4)",
        (0, 1),
        counters={"deferred": 1, "direct": 1, "barriers": 2},
    ),
    Effect(
        "before enter's hook: not active yet",
        "E[W(3) touch(3)] D",
        (1,),
        ("proposal", "amended", "v3"),
        counters={"direct": 1, "barriers": 1},
    ),
    Effect(
        "before enter's hook: active already",
        "E[W(3) touch(3)] touch(3) D",
        (0, 0),
        ("v4", *MERGED_ONES),
        counters={"deferred": 1, "barriers": 1},
    ),
)

TASKS = (
    Effect(
        "a switch completes it without a barrier of ours, and the flag stays",
        "task(other,1) E W(3) switch(other) touch(3) F switch(main) touch(3) D",
        (1, 1),
        counters={"barriers": 1},
        outstandings=(0, 1, 0, 0, 0, 0, 0, 0),
    ),
    Effect("so does a migration", "E W(3) migrate(1) touch(3) D", (1,), counters={"barriers": 1}),
    Effect("and a sleep", "E W(3) sleep(10) touch(3) D", (1,), counters={"barriers": 1}),
    Effect("the flag alone issues a barrier at flush", "E W(3) sleep(10) F D", counters={"barriers": 1}),
    Effect(
        "after it writes wait again",
        "E W(3) migrate(1) W(4) touch(3) touch(4) D touch(4)",
        (1, 0, 1),
        counters={"deferred": 2, "barriers": 1},
    ),
    Effect(
        "fork copies the flag, and completes nothing",
        "E W(3) fork(child) touch(3) switch(child) D switch(main) D",
        (0,),
        counters={"barriers": 2},
    ),
    Effect(
        "a flag set after the fork is the parent's alone",
        "E fork(child) W(3) switch(child) D F switch(main) D",
        counters={"barriers": 1},
    ),
    Effect(
        "a flag cleared after the fork is the child's still",
        "E W(3) fork(child) D switch(child) F D",
        counters={"barriers": 2},
    ),
)

EFFECTS = tuple(replace(effect, arches=ARM64) for effect in (*WRITES, *BARRIERS, *TASKS))


def test_arm64() -> None:
    assert wrong_effects(EFFECTS) == []
