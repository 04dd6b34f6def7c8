# SPDX-License-Identifier: GPL-2.0-only
"""Random programs, as texts in the notation: a failing one is printed as it would be written by hand."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: For every law: how fast a machine draws and plays programs is no part of it.
LAW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CALLS = "EDPR"
CALLS_AND_X = "EDPRX"


def _joined(items: st.SearchStrategy[str], *, least: int = 0, most: int = 10) -> st.SearchStrategy[str]:
    """Return programs of so many items."""
    return st.lists(items, min_size=least, max_size=most).map(" ".join)


def programs(
    calls: str = CALLS, *, interrupts: bool = True, before_hooks: int = 2, runs: bool = True
) -> st.SearchStrategy[str]:
    """Return any sequences of these calls, misuse included.

    `before_hooks` is how deep they nest (0: none). `runs`: some begin with a call made about 256 times, so that
    counters wrap.
    """
    leaves = st.sampled_from([*calls, "F", "C"])
    items = interrupted = leaves
    for _ in range(before_hooks):
        items = _hooked(calls, items) | leaves
        interrupted = _hooked(calls, interrupted) | leaves
        if interrupts:
            items = items | _interrupt(interrupted)
    if interrupts:
        items = items | _interrupt(interrupted)
    if not runs:
        return _joined(items)
    run = st.builds("{}*{}".format, st.integers(250, 260), st.sampled_from(calls))
    start = st.just("") | st.just("") | run
    return st.builds("{} {}".format, start, _joined(items))


def _hooked(calls: str, items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return calls with a before_hook."""
    return st.builds("{}[{}]".format, st.sampled_from(calls), _joined(items, least=1, most=3))


def _interrupt(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return interrupt blocks."""
    return _joined(items, least=1, most=3).map("I{{{}}}".format)


def _pairs(first: str, last: str, inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return the two calls around a program."""
    return _joined(inner, most=4).map(lambda program: f"{first} {program} {last}")


def balanced(*, sections_only: bool) -> st.SearchStrategy[str]:
    """Return properly nested sections and pauses; `sections_only`: every pause stands in a section."""
    leaves = st.sampled_from("FC") | _interrupt(st.sampled_from([*CALLS, "F"]))
    inner = st.recursive(leaves, lambda items: _pairs("E", "D", items) | _pairs("P", "R", items), max_leaves=12)
    return _joined(_pairs("E", "D", inner) if sections_only else inner, most=4)


#: Entries of random programs: few, so that they meet; 4..11 is the range of X.
_ENTRIES = st.sampled_from((3, 4, 5, 6, 7, 11, 12))

#: Steps on the table: more valid values than not.
_ON_THE_TABLE = (
    st.builds("{}({})".format, st.sampled_from(("W", "W", "W", "clear", "get", "touch", "load")), _ENTRIES)
    | st.builds("W({},{})".format, _ENTRIES, st.sampled_from((101, 201, 4096)))
    | st.just("tlb")
)


def with_table(calls: str = "EEEXXDPRF") -> st.SearchStrategy[str]:
    """Return programs of writes, calls, contexts and hand-overs among `main`, a task on CPU 1 and a forked one."""
    leaves = _ON_THE_TABLE | _ON_THE_TABLE | st.sampled_from(calls)
    context = st.builds("{}{{{}}}".format, st.sampled_from("ISBO"), _joined(leaves, least=1, most=3))
    hooked = st.builds("{}[{}]".format, st.sampled_from("EXDPR"), _joined(leaves, least=1, most=3))
    moves = st.sampled_from(("sleep(1)", "switch", "switch", "migrate", "fork"))
    items = st.one_of(leaves, leaves, leaves, leaves, leaves, context, hooked, moves)
    start = st.sampled_from(
        (
            "",
            "X",
            "W(3) W(4) W(6) W(7) X clear(4) W(3) clear(5) W(6)",
            "X W(4) 255*E W(5) E",
            "255*E",
            f"E {'W(3) W(4) ' * 15}",
        )
    )
    return st.builds("task(other,1) {} {}".format, start, st.lists(items, max_size=24).map(_handed_over))


def _handed_over(items: list[str]) -> str:
    """Return a program in which each hand-over is one that may be: to another task, to the other CPU."""
    cpus, running, words = {"main": 0, "other": 1}, "main", []
    for item in items:
        word = item
        if item == "fork":
            name = f"child{len(cpus)}"
            cpus[name] = cpus[running]
            word = f"fork({name})"
        elif item == "switch":
            names = list(cpus)
            running = names[(names.index(running) + 1) % len(names)]
            word = f"switch({running})"
        elif item == "migrate":
            cpus[running] = 1 - cpus[running]
            word = f"migrate({cpus[running]})"
        words.append(word)
    return " ".join(words)
