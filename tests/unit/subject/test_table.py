# SPDX-License-Identifier: GPL-2.0-only
"""The table and the TLB where architectures do not differ, by examples (docs/semantics.md, "Common rules")."""

from .example import ARM64, X86_64, Effect, wrong_effects
from .notation import valid

TOP = 2**64 - 1

EFFECTS = (
    Effect("an entry that was never written", "touch(0) get(255) clear(7) load(0)", (1, 0, 0, 0), table={}),
    Effect("values of 64 bits", f"W(0,{TOP}) get(0) load(0) W(255,{TOP - 1}) clear(255)", (TOP, TOP, TOP - 1)),
    Effect(
        "every write counts, those that change nothing too",
        "clear(3) W(3,0) W(3) W(3)",
        (0,),
        counters={"direct": 4, "deferred": 0},
        table={3: valid(3)},
    ),
    Effect("reading is no write", "get(3) touch(3) load(3) tlb", (0, 1, 0), counters={"direct": 0, "deferred": 0}),
    Effect(
        "the table is in the order of its entries",
        "W(9) W(3) W(4) clear(4)",
        (valid(4),),
        table={3: valid(3), 9: valid(9)},
    ),
    Effect(
        "load answers memory and caches what is valid",
        "W(3) load(3) W(3,101) load(3) get(3)",
        (valid(3), valid(3), 101),
    ),
    Effect("load caches nothing invalid", "load(3) W(3,4096) load(3) W(3) load(3)", (0, 4096, valid(3))),
    Effect(
        "the TLB holds each entry by itself",
        "W(3) load(3) W(4) load(4) W(3,101) load(4)",
        (valid(3), valid(4), valid(4)),
    ),
    Effect(
        "tlb_flush empties it",
        "W(3) W(4) load(3) load(4) W(3,101) W(4,201) tlb load(3) load(4)",
        (valid(3), valid(4), 101, 201),
    ),
    Effect(
        "a cleared entry is in the TLB still",
        "W(3) load(3) clear(3) load(3) tlb load(3)",
        (valid(3), valid(3), valid(3), 0),
    ),
    Effect(
        "there is one TLB, and nothing else touches it",
        "task(other,1) W(3) load(3) W(3,101) E F E D D migrate(1) load(3) sleep(1) switch(other) F load(3)",
        (valid(3), valid(3), valid(3)),
    ),
    Effect("load in a section caches what memory has", "W(3) E W(3,101) load(3) D load(3)", (101, 101), arches=ARM64),
    Effect("stale memory as well", "W(3) E W(3,101) load(3) D load(3)", (valid(3), valid(3)), arches=X86_64),
)


def test_table() -> None:
    assert wrong_effects(EFFECTS) == []
