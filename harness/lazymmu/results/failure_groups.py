# SPDX-License-Identifier: GPL-2.0-only
"""Groups results that have the same cause: if a machine is not available, all its units have the same error."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from lazymmu.results.result import Outcome, Result


def failure_groups(results: Iterable[Result]) -> list[list[Result]]:
    """Return the results that are not passes, in groups of the same outcome, reason and details.

    A failure with differences is a group of its own, and so is a known one.
    """
    groups: dict[Hashable, list[Result]] = {}
    for result in results:
        if result.outcome is not Outcome.PASS:
            alone = result.parts or result.known
            key = result.number if alone else (result.outcome, result.reason, result.details)
            groups.setdefault(key, []).append(result)
    return list(groups.values())
