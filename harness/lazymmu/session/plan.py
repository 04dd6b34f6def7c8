# SPDX-License-Identifier: GPL-2.0-only
"""What is to be done for units that have no result: what their guests are made of, and which of them have no guest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from lazymmu.provision import catalogue, setup
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.results.result import Unit
from lazymmu.session import requests
from lazymmu.session.availability import Absence, of_kernels, of_native
from lazymmu.session.selection import Selection


class Work(Struct, frozen=True):
    """What is to be done."""

    #: Kernel's name -> what its guests are made of.
    images: Mapping[str, Images]
    #: Positions of units for guests, in the order in which they are run.
    left: Sequence[int]
    #: Position of each other -> why it cannot be run.
    absent: Mapping[int, Absence]


def find(
    units: Sequence[Unit],
    selection: Selection,
    left: Sequence[int],
    *,
    offline: bool,
    sandbox: Callable[[Path], Sandbox],
) -> Work:
    """Get what the units at these positions need, as far as it can be had. Raises SetupError."""
    absent = {position: absence for position in left if (absence := of_native(units[position], selection)) is not None}
    machines: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for position in left:
        if position not in absent:
            machines[units[position].kernel][units[position].arch] = None
    cache = requests.cache()
    found = {
        name: setup.available(cache, catalogue.kernel(name), list(arches), offline=offline, sandbox=sandbox)
        for name, arches in machines.items()
    }
    refused = of_kernels(list(found.values()), selection)
    for position in left:
        unit = units[position]
        if position not in absent and (unit.arch, unit.kernel) in refused:
            absent[position] = refused[unit.arch, unit.kernel]
    usable = {name: some for name, some in found.items() if some.kernels}
    return Work(usable, [position for position in left if position not in absent], absent)
