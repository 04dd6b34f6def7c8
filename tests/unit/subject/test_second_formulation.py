# SPDX-License-Identifier: GPL-2.0-only
"""A second formulation of the merged API agrees with the simulator, on short programs and on random ones.

It is written in another way: a nesting counter is a list with that many entries, and nothing is recursive. What is
still to do is on an agenda, with hooks and the ends of interrupts as entries of their own.
"""

import itertools
from collections.abc import Callable, Sequence

from hypothesis import given
from lazymmu.subject.case import Step

from tests.unit.rows import each_row

from .notation import case, final_state, play
from .strategies import CALLS, LAW, programs

#: (hooks, hook_active, warnings, (enable_count, pause_count))
Outcome = tuple[str, str, int, tuple[int, int]]

END_OF_INTERRUPT = "end of interrupt"


def deeper(levels: list[str]) -> int:
    """Add a level and return how many warnings that gives: at 255 none are left."""
    if len(levels) < 255:
        levels.append("level")
        return 0
    levels.clear()
    return 1


def shallower(levels: list[str]) -> int:
    """Take a level away and return how many warnings that gives: from none there are 255."""
    if levels:
        levels.pop()
        return 0
    levels.extend(["level"] * 255)
    return 1


def merged(program: Sequence[Step]) -> Outcome:
    """Return what the program does under docs/semantics.md, "Merged"."""
    sections: list[str] = []
    pauses: list[str] = []
    hooks, inside, warnings, interrupted = "", "", 0, False
    agenda: list[Step | str] = list(reversed(program))
    while agenda:
        now = agenda.pop()
        if now == END_OF_INTERRUPT:
            interrupted = False
            continue
        if isinstance(now, str):
            hooks += now
            inside += "1" if sections and not pauses and not interrupted else "0"
            continue
        due = ""
        match now.op:
            case "interrupt":
                interrupted = True
                agenda += [END_OF_INTERRUPT, *reversed(now.body)]
            case "flush":
                due = "f"
            case "enable" if not interrupted and not pauses:
                due = "" if sections else "e"
                warnings += deeper(sections)
            case "disable" if not interrupted and not pauses:
                warnings += shallower(sections)
                due = "f" if sections else "l"
            case "pause" if not interrupted:
                due = "l" if sections and not pauses else ""
                warnings += deeper(pauses)
            case "resume" if not interrupted:
                warnings += shallower(pauses)
                due = "e" if sections and not pauses else ""
        if due:
            agenda += [due, *reversed(now.before_hook)]
    return hooks, inside, warnings, (len(sections), len(pauses))


def assert_agreement(program: str) -> None:
    """Run a program both ways."""
    trace = play(program, "merged")
    outcome = (trace.hooks, trace.hook_active, trace.counters["warnings"], final_state(trace))
    assert outcome == merged(case(program).steps), program


#: Every call bare and with every other before its hook, a flush, and interrupts.
ITEMS = ("F", "I{F}", "I{D R}", *CALLS, *(f"{call}[{nested}]" for call in CALLS for nested in CALLS))


def test_every_short_program_agrees(everyday_or_all: Callable[[int, int], int]) -> None:
    for items in itertools.product(ITEMS, repeat=everyday_or_all(2, 3)):
        assert_agreement(" ".join(items))


@each_row("before", ["255*E", "255*P", "E 255*P", "255*E 255*P"])
def test_programs_agree_at_the_end_of_the_counters(before: str) -> None:
    for items in itertools.product(CALLS, repeat=2):
        assert_agreement(" ".join([before, *items]))


@LAW
@given(programs())
def test_long_programs_agree(program: str) -> None:
    assert_agreement(program)
