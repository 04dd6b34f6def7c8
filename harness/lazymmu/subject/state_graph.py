# SPDX-License-Identifier: GPL-2.0-only
"""The states that a task's API counters and flags can reach in a revision, and walks that take every transition.

A transition is a state with a call that is made in it, or in an interrupt there. Few states are enough for any number
of calls, because the nesting counters wrap (docs/semantics.md, "Notation").
"""

import copy
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from lazymmu.subject.case import Case, Step
from lazymmu.subject.operations import OPERATIONS, Kind
from lazymmu.subject.revision import Revision
from lazymmu.support.errors import Place

#: The values of a state's fields, in the order of the revision.
State = tuple[int | bool, ...]

#: In place of a call: all calls of the state, in an interrupt.
INTERRUPT = "interrupt"
# Arguments for the calls that need some.
_RANGE = {"index": 0, "count": 1}


class _NoHooks:
    """A caller for calls of which only the effect on the state matters."""

    def hook(self, letter: str) -> None:
        """Call no hook."""

    def warn(self) -> None:
        """Count nothing."""


class StateGraph:
    """Every state that a task can reach from its first one, and the state to which each call leads from there."""

    def __init__(self, revision: Revision) -> None:
        """Visit all states."""
        #: The calls of the revision that act on the state of the running task.
        self.calls = tuple(call for call in revision.CALLS if OPERATIONS[call].kind is Kind.CALL)
        first = revision.STATE()
        #: The names of a state's fields.
        self.names = first.__struct_fields__
        self.first: State = astuple(first)
        #: State -> the next state, for each of `calls`.
        self.next: dict[State, tuple[State, ...]] = {}
        #: State -> the state before it on a shortest way from the first one, and the call that leads on from there.
        self._before: dict[State, tuple[State, str]] = {}
        found: deque[Any] = deque([first])
        while found:
            state = found.popleft()
            origin = astuple(state)
            reached = []
            for call in self.calls:
                changed = copy.copy(state)
                revision.CALLS[call](changed, _NoHooks())
                values = astuple(changed)
                reached.append(values)
                if values != self.first and values not in self._before:
                    self._before[values] = origin, call
                    found.append(changed)
            self.next[origin] = tuple(reached)

    @property
    def transitions(self) -> int:
        """The number of transitions: each call in each state, in and out of interrupt."""
        return 2 * len(self.next) * len(self.calls)

    def way_to(self, state: State) -> list[str]:
        """Return the calls of a shortest way from the first state."""
        way: list[str] = []
        while state != self.first:
            state, call = self._before[state]
            way.append(call)
        return way[::-1]

    def after(self, state: State, word: str) -> State:
        """Return the state after a call, or after an interrupt, which changes none."""
        return state if word == INTERRUPT else self.next[state][self.calls.index(word)]

    def walks(self, longest: int) -> Iterator[list[str]]:
        """Yield walks from the first state that together take every transition.

        A walk is a list of calls and INTERRUPT; as steps it is at most `longest` long, unless the way to its first new
        transition is longer.
        """
        interrupt = 1 + len(self.calls)
        left = {state: [*reversed(self.calls), INTERRUPT] for state in self.next}
        walk: list[str] = []
        length, state = 0, self.first
        for word in self._every_transition(left):
            if length + (interrupt if word == INTERRUPT else 1) > longest and walk:
                yield walk
                walk = self.way_to(state)
                length = len(walk)
            walk.append(word)
            length += interrupt if word == INTERRUPT else 1
            state = self.after(state, word)
        yield walk

    def _every_transition(self, left: dict[State, list[str]]) -> Iterator[str]:
        """Yield the words of one walk that takes all words left in each state, the last of a state first."""
        state = self.first
        while True:
            while left[state]:
                word = left[state].pop()
                yield word
                state = self.after(state, word)
            for word in self._to_nearest(state, left):
                yield word
                state = self.after(state, word)
            if not left[state]:
                return

    def _to_nearest(self, origin: State, left: dict[State, list[str]]) -> list[str]:
        """Return the calls of a shortest way to a state in which words are left; empty if there is none."""
        before: dict[State, tuple[State, str]] = {}
        found = deque([origin])
        while found:
            state = found.popleft()
            if left[state]:
                way: list[str] = []
                while state != origin:
                    state, call = before[state]
                    way.append(call)
                return way[::-1]
            for call, reached in zip(self.calls, self.next[state], strict=True):
                if reached != origin and reached not in before:
                    before[reached] = state, call
                    found.append(reached)
        return []


class Transition(Struct, frozen=True):
    """A call in a state."""

    state: State
    #: The name of the call.
    call: str
    #: The call, or INTERRUPT if it is made there.
    word: str
    #: The walk up to that word.
    walk: Sequence[str]

    @property
    def where(self) -> str:
        """Where the call is made, as in `enable in an interrupt`."""
        return " in an interrupt" if self.word == INTERRUPT else ""


class Walks(Sequence[Case]):
    """The walks of a graph as cases with the value `walk`, a number from 1. Each is made when it is asked for."""

    def __init__(self, graph: StateGraph, name: str, longest: int) -> None:
        """Compute the walks; `name` stands in the places of the steps, in place of a file."""
        self.graph = graph
        #: The words of each walk.
        self.words = tuple(graph.walks(longest))
        self._name = name
        self._kept: tuple[int, Case] | None = None

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, number: Any) -> Any:
        kept = self._kept
        if kept is None or kept[0] != number:
            kept = self._kept = number, Case({"walk": number + 1}, tuple(self._steps(number)))
        return kept[1]

    def _steps(self, number: int) -> Iterator[Step]:
        index = 0
        for word in self.words[number]:
            place = Place(self._name, index + 1, 1)
            body: tuple[Step, ...] = ()
            if word == INTERRUPT:
                calls = enumerate(self.graph.calls, index + 1)
                body = tuple(Step(inner, call, place, _arguments(call)) for inner, call in calls)
            yield Step(index, word, place, _arguments(word), body)
            index += 1 + len(body)

    def transition(self, number: int, step: int) -> Transition:
        """Return the transition that a step of a walk makes."""
        index, state = 0, self.graph.first
        for position, word in enumerate(self.words[number]):
            size = 1 + (len(self.graph.calls) if word == INTERRUPT else 0)
            if index <= step < index + size:
                call = self.graph.calls[max(0, step - index - 1)] if word == INTERRUPT else word
                return Transition(state, call, word, self.words[number][: position + 1])
            index += size
            state = self.graph.after(state, word)
        raise IndexError(step)


def _arguments(word: str) -> dict[str, int | str]:
    return {argument.name: _RANGE[argument.name] for argument in OPERATIONS[word].args}
