# SPDX-License-Identifier: GPL-2.0-only
"""Which results that are no passes have the same cause: a machine that cannot be had says the same of all its units."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from lazymmu.results.result import Outcome
from lazymmu.results.store import Results


def causes(results: Results) -> list[Sequence[int]]:
    """Return the positions of all results that are no passes, those with the same cause together, the first one first.

    Results with differences each have a cause of their own; a known one has none in common with others.
    """
    # Of each cause its digest: a run may have many, and long ones.
    found: dict[bytes | int, list[int]] = {}
    for position in results.positions():
        if results.outcome(position) is Outcome.PASS:
            continue
        result = results[position]
        alone = result.differences or result.known
        text = repr((str(result.outcome), result.reason, result.details)).encode("utf-8", "surrogatepass")
        found.setdefault(position if alone else sha256(text).digest(), []).append(position)
    return list(found.values())
