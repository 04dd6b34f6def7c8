# SPDX-License-Identifier: GPL-2.0-only
"""All checks in their order. Each survives its own failure, for the doctor must work where nothing else does."""

from __future__ import annotations

from collections.abc import Iterator

from harness.doctor import guests, host, remote, results, storage
from harness.doctor.check import Check, survive
from harness.doctor.situation import Question, find
from harness.images import pruning


def examine(question: Question) -> Iterator[Check]:
    """Yield every check for one question; nothing is written but the answer of a trial of KVM."""
    situation = find(question)
    yield from survive("python", host.python)
    yield from survive("host", host.architecture)
    yield from host.tools(question, situation)
    box, check = host.sandbox(situation)
    yield check
    yield from survive("cache", lambda: storage.cache_folder(question, situation))
    yield from survive("disk", lambda: storage.disk(question, situation))
    yield from survive("tool root", lambda: guests.tool_root(question, situation, box))
    yield from survive("kernels", lambda: guests.kernels(question, situation))
    yield from survive("builds", lambda: guests.builds(situation))
    yield from survive("accelerators", lambda: guests.accelerators(question, situation, box), blocks=False)
    yield from survive("ssh", lambda: remote.ssh(question, situation), blocks=False)
    stock = pruning.inventory(question.cache)
    yield from survive("sizes", lambda: storage.sizes(stock), blocks=False)
    yield from survive("unneeded", lambda: storage.unneeded(question, stock), blocks=False)
    yield from survive("leftovers", lambda: storage.leftovers(stock, situation), blocks=False)
    yield from survive("guests", lambda: storage.guests(question), blocks=False)
    yield from survive("results", results.results, blocks=False)
