# SPDX-License-Identifier: GPL-2.0-only
"""What architectures put off, written a second time, in another way, must agree with the model on random programs.

Here nothing is kept: what happened is a list of events, read off the records of a run (writes with whether they were
active, hooks, hand-overs), and every answer is found by looking back over it from its own place. Nothing is said of
when a task is active: that is the revision's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from hypothesis import given, settings
from hypothesis import strategies as st
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import StepTrace, Trace
from msgspec import Struct

from .example import EVERY_ARCH
from .notation import case
from .strategies import LAW, with_table


class Event(Struct, frozen=True):
    """A write (`index` is not None), a hook (`letter`), or that the running task leaves its CPU (neither)."""

    task: str
    cpu: int
    index: int | None = None
    value: int = 0
    active: bool = False
    letter: str = ""
    entries: range | None = None

    @property
    def leaves(self) -> bool:
        return self.index is None and not self.letter


class Formulation(Protocol):
    """One architecture; `past` is what happened so far."""

    def waits(self, past: Sequence[Event], index: int, /) -> bool:
        """Is the entry outstanding?"""

    def memory(self, past: Sequence[Event], index: int, /) -> int:
        """What has memory?"""

    def read(self, past: Sequence[Event], index: int, task: str, /) -> int:
        """What does get_pte answer?"""

    def deferred(self, past: Sequence[Event], event: Event, /) -> bool:
        """Is a write that follows deferred?"""

    def own(self, past: Sequence[Event], /) -> dict[str, int]:
        """What are its own counters?"""


class Arm64:
    """A write waits until something later completes it."""

    @staticmethod
    def flagged(past: Sequence[Event], task: str) -> bool:
        """Is the flag of a task set? `fork` is an event of the child with its parent's name as the letter."""
        for at in range(len(past) - 1, -1, -1):
            event = past[at]
            if event.letter.startswith("fork ") and event.task == task:
                return Arm64.flagged(past[:at], event.letter.removeprefix("fork "))
            if event.task == task and event.letter in ("l", "f"):
                return False
            if event.task == task and event.index is not None and event.active and event.value % 2:
                return True
        return False

    @staticmethod
    def barrier(past: Sequence[Event], event: Event) -> bool:
        """Does the event that follows `past` issue a barrier?"""
        if event.index is not None:
            return bool(event.value % 2) and not event.active
        return event.letter in ("l", "f") and Arm64.flagged(past, event.task)

    @staticmethod
    def waits(past: Sequence[Event], index: int) -> bool:
        last = max((at for at, event in enumerate(past) if event.index == index), default=None)
        if last is None or not past[last].active or not past[last].value % 2:
            return False
        made = past[last]
        return not any(
            (event.leaves and event.task == made.task) or (event.cpu == made.cpu and Arm64.barrier(past[:at], event))
            for at, event in enumerate(past)
            if at > last
        )

    @staticmethod
    def memory(past: Sequence[Event], index: int) -> int:
        return next((event.value for event in reversed(past) if event.index == index), 0)

    @staticmethod
    def read(past: Sequence[Event], index: int, _task: str) -> int:
        return Arm64.memory(past, index)

    @staticmethod
    def deferred(_past: Sequence[Event], event: Event) -> bool:
        return event.active and event.value % 2 == 1

    @staticmethod
    def own(past: Sequence[Event]) -> dict[str, int]:
        return {"barriers": sum(Arm64.barrier(past[:at], event) for at, event in enumerate(past))}


class X8664:
    """The writes since a CPU's queue was last issued are its queue."""

    @staticmethod
    def issues(past: Sequence[Event]) -> list[tuple[int, list[Event]]]:
        """Return when queues were issued, the number of the event, and their updates."""
        queues: dict[int, list[Event]] = {0: [], 1: []}
        found = []
        for at, event in enumerate(past):
            queue = queues[event.cpu]
            if event.index is not None:
                queue.append(event)
            issued = event.letter in ("l", "f") or event.leaves or (event.index is not None and not event.active)
            if queue and (issued or len(queue) == 32):
                found.append((at, queue))
                queues[event.cpu] = []
        return found

    @staticmethod
    def waits(past: Sequence[Event], index: int) -> bool:
        writes = sum(event.index == index for event in past)
        return writes > sum(event.index == index for _, queue in X8664.issues(past) for event in queue)

    @staticmethod
    def memory(past: Sequence[Event], index: int) -> int:
        stored = [event.value for _, queue in X8664.issues(past) for event in queue if event.index == index]
        return stored[-1] if stored else 0

    @staticmethod
    def read(past: Sequence[Event], index: int, _task: str) -> int:
        return X8664.memory(past, index)

    @staticmethod
    def deferred(_past: Sequence[Event], event: Event) -> bool:
        return event.active

    @staticmethod
    def own(past: Sequence[Event]) -> dict[str, int]:
        issues = X8664.issues(past)
        return {"multicalls": len(issues), "updates": sum(len(queue) for _, queue in issues)}


class S390x:
    """A write is stored when a later hook of its task applies it, unless a direct one came first."""

    @staticmethod
    def entries(past: Sequence[Event], task: str) -> range:
        hooks = [event for event in past if event.task == task and event.letter in ("e", "w", "l")]
        return (hooks[-1].entries or range(0)) if hooks and hooks[-1].letter == "w" else range(0)

    @staticmethod
    def deferred(past: Sequence[Event], event: Event) -> bool:
        return event.active and event.index in S390x.entries(past, event.task)

    @staticmethod
    def slots(past: Sequence[Event], task: str) -> dict[int, int]:
        since = max((at + 1 for at, e in enumerate(past) if e.task == task and e.letter in {*"ewflp"}), default=0)
        slots: dict[int, int] = {}
        for at, event in enumerate(past[since:], since):
            if event.index is not None and event.task == task:
                slots.pop(event.index, None)
                if S390x.deferred(past[:at], event):
                    slots[event.index] = event.value
        return slots

    @staticmethod
    def waits(past: Sequence[Event], index: int) -> bool:
        writers = [event.task for event in past if event.index == index]
        return bool(writers) and index in S390x.slots(past, writers[-1])

    @staticmethod
    def memory(past: Sequence[Event], index: int) -> int:
        for at in range(len(past) - 1, -1, -1):
            event = past[at]
            if event.index == index and not S390x.deferred(past[:at], event):
                return event.value
            if event.letter in {*"ewflp"} and index in (slots := S390x.slots(past[:at], event.task)):
                return slots[index]
        return 0

    @staticmethod
    def read(past: Sequence[Event], index: int, task: str) -> int:
        return S390x.slots(past, task).get(index, S390x.memory(past, index))

    @staticmethod
    def own(past: Sequence[Event]) -> dict[str, int]:
        """An IPTE begins at each valid entry applied whose neighbour before is not one that is applied and valid."""
        counters = {"iptes": 0, "ipte_entries": 0}
        for at, event in enumerate(past):
            before = past[:at]
            if event.letter in {*"ewflp"}:
                valid = {index for index in S390x.slots(before, event.task) if S390x.memory(before, index) % 2}
            elif event.index is not None and not S390x.deferred(before, event):
                valid = {event.index} if S390x.memory(before, event.index) % 2 else set()
            else:
                continue
            counters["iptes"] += sum(index - 1 not in valid for index in valid)
            counters["ipte_entries"] += len(valid)
        return counters


SECOND: dict[str, Formulation] = {"arm64": Arm64(), "s390x": S390x(), "x86_64": X8664()}


def events(program: str, steps: Sequence[StepTrace]) -> tuple[list[Event], list[int]]:
    """Return what happened, and how many events there were by the end of each record."""
    played = case(program)
    texts = {step.index: step for step in played.walk()}
    cpus = {"main": 0, **played.tasks}
    running = "main"
    found: list[Event] = []
    ends = []
    for record in steps:
        args = texts[record.index].args
        cpu = cpus[running]
        if record.op in ("set_pte", "clear_pte"):
            value = int(args.get("value", 0))
            found.append(Event(running, cpu, int(args["index"]), value, record.active))
        elif record.op in ("switch", "migrate", "sleep"):
            found.append(Event(running, cpu))
            running = str(args["task"]) if record.op == "switch" else running
            cpus[running] = int(args.get("cpu", cpus[running]))
        elif record.op == "fork":
            cpus[str(args["task"])] = cpu
            found.append(Event(str(args["task"]), cpu, letter=f"fork {running}"))
        elif record.hooks:
            first, count = int(args.get("index", 0)), int(args.get("count", 0))
            found.append(Event(running, cpu, letter=record.hooks, entries=range(first, first + count)))
        ends.append(len(found))
    return found, ends


def assert_agreement(program: str, api: str, arch: str) -> None:
    """Hold the model against the second formulation; a case that is skipped says nothing."""
    trace = predict(case(program), api, arch)
    if not isinstance(trace, Trace):
        return
    second = SECOND[arch]
    found, ends = events(program, trace.steps)
    texts = {step.index: step for step in case(program).walk()}
    indices = sorted({event.index for event in found if event.index is not None})
    begin = 0
    tasks = ["main", *(step.task for step in trace.steps)]
    for record, end, task in zip(trace.steps, ends, tasks, strict=False):
        past = found[:end]
        assert record.outstanding == sum(second.waits(past, index) for index in indices)
        index = int(texts[record.index].args.get("index", 0))
        before = found[:begin] if record.op == "clear_pte" else past
        if record.op == "touch":
            assert record.value == int(not second.waits(past, index))
        elif record.op in ("get_pte", "clear_pte"):
            assert record.value == second.read(before, index, task)
        begin = end
    kinds = Counter(second.deferred(found[:at], event) for at, event in enumerate(found) if event.index is not None)
    expected = {"deferred": kinds[True], "direct": kinds[False], **second.own(found)}
    assert {name: trace.counters[name] for name in expected} == expected
    assert trace.table == {index: value for index in indices if (value := second.memory(found, index))}


@settings(LAW, max_examples=150)
@given(with_table(), st.sampled_from(["amended", "with-ptes"]), st.sampled_from(EVERY_ARCH))
def test_effects_agree_with_the_second_formulation(program: str, api: str, arch: str) -> None:
    assert_agreement(program, api, arch)
