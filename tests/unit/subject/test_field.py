# SPDX-License-Identifier: GPL-2.0-only
"""Every item of docs/semantics.md, "Real call sites", as a sequence, with what the model must show."""

from .example import ARM64, MERGED_ONES, NO_PAUSE_HOOKS, S390X, WITHOUT_PAUSE_COUNT, X86_64, Effect, wrong_effects
from .notation import valid, writes

EFFECTS = (
    Effect(
        "1 zap with DEBUG_PAGEALLOC",
        "W(0) W(1) E clear(0) E W(8) D clear(1) D tlb",
        (valid(0), valid(1)),
        arches=ARM64,
        hooks="efl",
        counters={"deferred": 1, "direct": 4, "barriers": 3},
    ),
    Effect(
        "2 vmalloc with KASAN",
        "E P W(0) touch(0) R P W(1) touch(1) R D",
        (1, 1),
        counters={"deferred": 0, "direct": 2, "warnings": 0},
        hooks="elelel",
        apis=("proposal", "v3", "v4", *MERGED_ONES),
    ),
    Effect(
        "2 vmalloc with KASAN, arch_pause", "E P W(0) R P W(1) R D", arches=S390X, apis=("amended",), hooks="eprprl"
    ),
    Effect(
        "3 KASAN with DEBUG_PAGEALLOC: the inner pair is ignored",
        "W(0) E P clear(0) E W(1) touch(1) D R D",
        (valid(0), 1),
        apis=MERGED_ONES,
        hooks="elel",
        counters={"direct": 3, "warnings": 0},
    ),
    Effect(
        "3 KASAN with DEBUG_PAGEALLOC: the inner pair is counted, and its write direct",
        "W(0) E P clear(0) E W(1) touch(1) D R D",
        (valid(0), 1),
        apis=WITHOUT_PAUSE_COUNT,
        arches=NO_PAUSE_HOOKS,
        hooks="elfel",
        counters={"direct": 3},
    ),
    Effect("4 madvise, a split that may sleep", "E W(0) D E W(1) D sleep(1) E W(2) D", hooks="elelel"),
    Effect("4 madvise, the relock fails", "E W(0) D", hooks="el", counters={"warnings": 0}),
    Effect(
        "5 copy_pte_range",
        f"E {writes(0, 1)} D sleep(1) E {writes(2, 3)} D",
        counters={"deferred": 4, "multicalls": 2, "updates": 4},
        arches=X86_64,
    ),
    Effect("5 copy_pte_range sleeps outside", "E W(0) D sleep(1) E W(2) D", arches=S390X, hooks="elel"),
    Effect(
        "6 preemption and migration in a section",
        "task(other,0) E W(0) switch(other) W(1) switch(main) W(2) migrate(1) touch(0) touch(2) W(3) touch(3) D",
        (1, 1, 0),
        arches=NO_PAUSE_HOOKS,
        hooks="el",
        counters={"deferred": 3, "direct": 1},
    ),
    Effect("6 preemption in a section, skipped", "task(other,0) E W(0) switch(other)", arches=S390X, skipped=2),
    Effect("7 a softirq in a section", "E W(0) S{W(1) touch(1)} W(2) touch(2) D", (1, 0), arches=NO_PAUSE_HOOKS),
    Effect(
        "8 bottom halves off in a section", "E W(0) B{W(1) touch(1)} W(2) touch(2) D", (1, 0), arches=NO_PAUSE_HOOKS
    ),
    Effect("8 a section with bottom halves off", "B{E W(0) touch(0) D}", (1,), hooks="", counters={"direct": 1}),
    Effect("9 an error exit", "E W(0) D", hooks="el"),
    Effect("9 an error exit without leave", "E W(0)", hooks="e", outstanding=1, arches=NO_PAUSE_HOOKS),
    Effect("10 interrupts off", "O{E W(0) touch(0) D touch(0)}", (0, 1), hooks="el", arches=NO_PAUSE_HOOKS),
    Effect(
        "11 fork in a section: the child is in it",
        "E W(0) fork(child) W(1) D switch(child) W(2) touch(2) D touch(2)",
        (0, 1),
        arches=NO_PAUSE_HOOKS,
        hooks="ell",
    ),
    Effect("11 fork in a section, skipped", "E W(0) fork(child)", arches=S390X, skipped=2),
    Effect(
        "12 mprotect: clear and set again",
        "W(4) W(5) X clear(4) W(4,101) clear(5) W(5,201) D get(4) get(5)",
        (valid(4), valid(5), 101, 201),
        arches=S390X,
        counters={"deferred": 4, "iptes": 1, "ipte_entries": 2},
    ),
    Effect(
        "12 mprotect on arm64",
        "W(4) W(5) E clear(4) W(4,101) clear(5) W(5,201) D get(4) get(5)",
        (valid(4), valid(5), 101, 201),
        arches=ARM64,
        counters={"deferred": 2, "direct": 4, "barriers": 3},
    ),
    Effect(
        "12 mprotect on x86_64",
        "W(4) W(5) E clear(4) W(4,101) clear(5) W(5,201) D get(4) get(5)",
        (valid(4), valid(5), 101, 201),
        arches=X86_64,
        counters={"deferred": 4, "multicalls": 3, "updates": 6},
    ),
)


def test_field() -> None:
    assert wrong_effects(EFFECTS) == []


def test_each_item_is_there() -> None:
    assert {effect.name.split()[0] for effect in EFFECTS} == {str(number) for number in range(1, 13)}
