# SPDX-License-Identifier: GPL-2.0-only
"""Says which pins of the selected scenarios no selected unit compares."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lazymmu.results.result import Unit
from lazymmu.scenario.reach import Run, unreached
from lazymmu.subject.case import Scenario
from lazymmu.support.errors import Place
from lazymmu.support.lists import some_of

#: More pins of one scenario are only counted, and so are those of several.
_NAMED = 5


def places(selected: Sequence[Unit], skipped: Iterable[int] = ()) -> dict[str, list[Place]]:
    """Return scenario's name -> the places of its pins that none of these units compares.

    `skipped`: indices of units that did not run.
    """
    left_out = {*skipped}
    runs: dict[Scenario, list[Run]] = {}
    for unit in selected:
        of_scenario = runs.setdefault(unit.scenario, [])
        if unit.index not in left_out:
            of_scenario.append((unit.case, unit.api, unit.personality))
    return {scenario.name: unreached(scenario, some) for scenario, some in runs.items()}


def notes(found: Mapping[str, Sequence[Place]]) -> Iterator[str]:
    """Yield lines for a person about what `places` returns."""
    left = [some for some in found.values() if some]
    if len(left) > 1:
        number = sum(map(len, left))
        yield f"note: no case that ran compares {number} pins, the first at {left[0][0]}"
        return
    for first, *others in left:
        named = some_of([f"{place.line}:{place.column}" for place in others], _NAMED)
        yield f"{first}: note: no case that ran compares this pin{f', nor those at {named}' if others else ''}"
