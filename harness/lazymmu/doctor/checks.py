# SPDX-License-Identifier: GPL-2.0-only
"""All checks in their order. Each survives its own failure, for the doctor must work where nothing else does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from lazymmu.doctor import guests, host, results, ssh, storage
from lazymmu.doctor.cache_state import Question, Situation, find
from lazymmu.doctor.check import Check, survive
from lazymmu.provision import pruning


def examine(questions: Sequence[Question]) -> Iterator[Check]:
    """Yield every check for these questions, one for each kernel; nothing is written but answers of trials of KVM."""
    asked = [(question, find(question)) for question in questions]
    # What all share is looked at for the one that needs most.
    question, situation = max(asked, key=_need)
    yield from survive("python", host.python)
    yield from survive("host", host.architecture)
    yield from host.tools(question, situation)
    box, check = host.sandbox(situation)
    yield check
    yield from survive("cache", partial(storage.cache_folder, question, situation))
    yield from survive("disk", partial(storage.free_space, question, situation))
    yield from survive("tool root", partial(guests.tool_root, question, situation, box))
    for one, there in asked:
        yield from survive("kernels", partial(guests.kernels, one, there))
        yield from survive("builds", partial(guests.builds, one, there))
        yield from survive("accelerators", partial(guests.accelerators, one, there, box), blocks=False)
    yield from survive("ssh", ssh.keys, blocks=False)
    for one, there in asked:
        yield from survive("ssh", partial(ssh.ssh, one, there), blocks=False)
    stock = pruning.inventory(question.cache)
    yield from survive("sizes", partial(storage.sizes, stock), blocks=False)
    yield from survive("unneeded", partial(storage.unneeded, question, stock), blocks=False)
    yield from survive("leftovers", partial(storage.leftovers, stock, [there for _, there in asked]), blocks=False)
    yield from survive("guests", partial(storage.guests, question), blocks=False)
    yield from survive("results", results.results, blocks=False)


def _need(asked: tuple[Question, Situation]) -> tuple[bool, bool]:
    question, situation = asked
    return situation.must_fetch(question), situation.must_build(question)
