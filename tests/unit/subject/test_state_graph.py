# SPDX-License-Identifier: GPL-2.0-only
"""`subject/state_graph.py`: its walks take every transition of every revision, as the model does."""

from collections.abc import Callable
from itertools import islice, product

import pytest
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.simulator import predict
from lazymmu.subject.state_graph import INTERRUPT, StateGraph, Walks
from lazymmu.subject.trace import Trace

_LONGEST = 1000
# merged and with-ptes have two u8 counters, which misuse can set to any pair; the others a counter and a flag.
_STATES = {"proposal": 512, "amended": 512, "v3": 512, "v4": 512, "merged": 65_536, "with-ptes": 65_536}


# With two counters a revision has half a million transitions, which takes a second or two.
_LARGE = ("merged", "with-ptes")


@pytest.mark.parametrize(
    "api", [pytest.param(api, marks=[pytest.mark.exhaustive] if api in _LARGE else []) for api in REVISIONS]
)
def test_the_walks_take_every_transition_of_a_revision(api: str) -> None:
    graph = StateGraph(REVISIONS[api])
    assert len(graph.next) == _STATES[api]
    taken = set()
    for words in Walks(graph, "x", _LONGEST).words:
        state = graph.first
        for word in words:
            taken.add((state, word))
            state = graph.after(state, word)
        assert len(words) + len(graph.calls) * words.count(INTERRUPT) <= _LONGEST
    assert taken == {*product(graph.next, (*graph.calls, INTERRUPT))}


@pytest.mark.parametrize("api", ["amended", "v4"])
def test_the_model_agrees_with_the_states_of_a_walk(api: str, everyday_or_all: Callable[[int, int], int]) -> None:
    graph = StateGraph(REVISIONS[api])
    walks = Walks(graph, "x", _LONGEST)
    for number, case in islice(enumerate(walks), 0, None, everyday_or_all(3, 1)):
        trace = predict(case, api, "arm64")
        assert isinstance(trace, Trace)
        for record in trace.steps:
            transition = walks.transition(number, record.index)
            assert tuple(record.state.values()) == graph.after(transition.state, transition.word)
            # The last step of an interrupt is the interrupt itself.
            assert record.op in (transition.call, INTERRUPT)
    assert graph.way_to((255, False))[-1] in ("disable", "pause")
