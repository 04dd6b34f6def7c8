# SPDX-License-Identifier: GPL-2.0-only
"""Says which pins of the selected scenarios no selected unit compares."""

from collections.abc import Iterable, Iterator, Sequence

from lazymmu.results.result import Unit
from lazymmu.scenario.reach import Run, unreached
from lazymmu.subject.case import Scenario

#: The pins of more scenarios are only counted, and so are more pins of one.
_NAMED = 5


def notes(selected: Sequence[Unit], skipped: Iterable[int] = ()) -> Iterator[str]:
    """Yield lines for a person; `skipped`: indices of units that did not run."""
    left_out = {*skipped}
    runs: dict[Scenario, list[Run]] = {}
    for unit in selected:
        of_scenario = runs.setdefault(unit.scenario, [])
        if unit.index not in left_out:
            of_scenario.append((unit.case, unit.api, unit.personality))
    left = [places for scenario, some in runs.items() if (places := unreached(scenario, some))]
    if len(left) > _NAMED:
        number = sum(map(len, left))
        yield f"note: no case that ran compares {number} pins, the first at {left[0][0]}"
        return
    for first, *others in left:
        named = ", ".join(f"{place.line}:{place.column}" for place in others[:_NAMED])
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        yield f"{first}: note: no case that ran compares this pin{f', nor those at {named}{more}' if others else ''}"
