# SPDX-License-Identifier: GPL-2.0-only
"""Says which pins of the selected scenarios no selected unit compares."""

from collections.abc import Iterable, Iterator, Sequence

from lazymmu.results.result import Unit
from lazymmu.scenario.reach import Run, unreached
from lazymmu.subject.case import Scenario

#: More pins are only counted.
_NAMED = 5


def notes(selected: Sequence[Unit], skipped: Iterable[int] = ()) -> Iterator[str]:
    """Yield lines for a person; `skipped`: indices of units that did not run."""
    left_out = {*skipped}
    runs: dict[Scenario, list[Run]] = {}
    for unit in selected:
        of_scenario = runs.setdefault(unit.scenario, [])
        if unit.index not in left_out:
            of_scenario.append((unit.case, unit.api, unit.personality))
    places = [place for scenario, some in runs.items() for place in unreached(scenario, some)]
    if len(places) <= _NAMED:
        yield from (f"{place}: note: no case that ran compares this pin" for place in places)
    else:
        number, first = len(places), places[0]
        yield f"note: no case that ran compares {number} pins, the first at {first}; `--api all` runs more cases"
