# SPDX-License-Identifier: GPL-2.0-only
"""Random programs, as texts in the notation, so that a failing one is printed as a person would write it."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: For every law: the speed of the machine that draws and plays programs does not matter.
LAW = settings(suppress_health_check=[HealthCheck.too_slow])

CALLS = "EDPR"
CALLS_AND_X = "EDPRX"


def _joined(items: st.SearchStrategy[str], *, least: int = 0, most: int = 10) -> st.SearchStrategy[str]:
    """Return programs of `least` to `most` items."""
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
    """Return properly nested sections and pauses; `sections_only`: every pause is in a section."""
    leaves = st.sampled_from("FC") | _interrupt(st.sampled_from([*CALLS, "F"]))
    inner = st.recursive(leaves, lambda items: _pairs("E", "D", items) | _pairs("P", "R", items), max_leaves=12)
    return _joined(_pairs("E", "D", inner) if sections_only else inner, most=4)
