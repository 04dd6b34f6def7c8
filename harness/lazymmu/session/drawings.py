# SPDX-License-Identifier: GPL-2.0-only
"""The pictures of `lazymmu draw`. Revisions and personalities that do the same share one."""

from collections.abc import Sequence

from msgspec.structs import replace

from lazymmu.reports.pictures.timeline import PREDICTED, Timeline, timeline
from lazymmu.reports.side_by_side import Pair, pairs
from lazymmu.scenario import load
from lazymmu.session import requests
from lazymmu.session.selection import Selection, units
from lazymmu.subject.simulator import predict


def of_model(names: Sequence[str], selection: Selection) -> list[Timeline]:
    """Return the pictures of what the model predicts for a selection. Raises UsageError if it is empty."""
    alike: dict[tuple[str, Timeline], dict[Pair, None]] = {}
    for unit in units(load(names, requests.library()), selection):
        predicted = predict(unit.case, unit.api, unit.personality, unit.impl)
        one = timeline(unit.case, unit.api, {PREDICTED: predicted})
        alike.setdefault((unit.case_name(), one), {})[unit.under_test(), unit.personality] = None
    return [replace(one, title=f"{name} {pairs(tuple(found))}") for (name, one), found in alike.items()]
