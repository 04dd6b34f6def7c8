# SPDX-License-Identifier: GPL-2.0-only
"""Which units a command is about: the scenarios it names, narrowed by the selection flags."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from difflib import get_close_matches
from itertools import accumulate
from typing import NamedTuple, overload

from msgspec import Struct

from lazymmu.architecture import chosen
from lazymmu.provision import catalogue
from lazymmu.provision.catalogue import Kernel
from lazymmu.results.result import Unit
from lazymmu.subject.case import Scenario
from lazymmu.subject.implementations import HEADER, IMPLEMENTATIONS, MODULE, NATIVE
from lazymmu.subject.revisions import DEFAULT_REVISIONS, REVISIONS
from lazymmu.support.errors import UsageError
from lazymmu.support.machine_names import DEFAULT_KERNEL


class Selection(Struct, frozen=True):
    """The selection flags as given; empty means the default."""

    arches: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    impls: tuple[str, ...] = ()
    #: Revisions that a header's text is run as.
    of_header: tuple[str, ...] = ()


def _known(kind: str, names: Sequence[str], known: Iterable[str]) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            guess = f" (did you mean `{close[0]}`?)" if close else ""
            raise UsageError(f"unknown {kind} `{name}`{guess}", hint=f"there is: {', '.join(known) or 'none'}")


def _chosen_apis(selection: Selection) -> tuple[str, ...]:
    for name in selection.apis:
        with suppress(KeyError):
            REVISIONS[name]  # SetupError if its file is broken
    _known("revision", selection.apis, [*REVISIONS, "all"])
    wanted = selection.apis or DEFAULT_REVISIONS
    return tuple(name for name in REVISIONS if name in wanted or "all" in wanted)


def chosen_kernels(selection: Selection) -> tuple[Kernel, ...]:
    """Return the kernels that the flags name, in the catalogue's order; the usual one when they name none."""
    wanted = [catalogue.kernel(name).name for name in selection.kernels or (DEFAULT_KERNEL,)]
    return tuple(kernel for name, kernel in catalogue.kernels().items() if name in wanted)


def tagged(scenarios: Sequence[Scenario], tags: Sequence[str]) -> tuple[Scenario, ...]:
    """Return the scenarios with one of these tags, all of them without tags; UsageError for a tag that none has."""
    _known("tag", tags, sorted({tag for scenario in scenarios for tag in scenario.tags}))
    return tuple(scenario for scenario in scenarios if not tags or set(tags) & set(scenario.tags))


class Under(NamedTuple):
    """What a case is run under."""

    api: str
    arch: str
    impl: str = MODULE
    kernel: str = DEFAULT_KERNEL


class Units(Sequence[Unit]):
    """Units in the order of scenario, case, and what they are run under, each made when it is asked for."""

    __slots__ = ("_ends", "_parts")

    def __init__(self, parts: Iterable[tuple[Scenario, Sequence[Under]]]) -> None:
        """Take scenarios, each with what its cases are to run under."""
        self._parts = [(scenario, under) for scenario, under in parts if under and scenario.cases]
        #: For each scenario, how many units there are up to its last.
        self._ends = list(accumulate(len(scenario.cases) * len(under) for scenario, under in self._parts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, position: int) -> Unit: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[Unit, ...]: ...
    def __getitem__(self, position: int | slice) -> Unit | tuple[Unit, ...]:
        """Return one unit, or those of a slice; raises IndexError beyond the last."""
        if isinstance(position, slice):
            return tuple(self[one] for one in range(len(self))[position])
        position = range(len(self))[position]
        part = bisect_right(self._ends, position)
        scenario, under = self._parts[part]
        number, one = divmod(position - (self._ends[part - 1] if part else 0), len(under))
        return Unit(scenario, number, *under[one], index=position)


def _impls(selection: Selection, scenario: Scenario, api: str, arch: str, kernel: Kernel) -> Iterator[str]:
    """Yield whose functions are under test on one machine; by default those of the module, and what the kernel has."""
    if not selection.impls or MODULE in selection.impls:
        yield MODULE
    if api in IMPLEMENTATIONS[NATIVE].revisions and scenario.native:
        has, named = arch in kernel.native, NATIVE in selection.impls
        # Where it is named and the kernel has none, there is a unit that says so.
        if (has and arch in scenario.native and (named or not selection.impls)) or (named and not has):
            yield NATIVE


def _of_header(selection: Selection, scenario: Scenario) -> Iterator[Under]:
    """Yield what a scenario's cases are run under with the functions of a header's text."""
    for api in selection.of_header:
        if api in scenario.apis:
            for arch in chosen(selection.arches):
                if arch in scenario.arches:
                    yield from (Under(api, arch, HEADER, kernel.name) for kernel in chosen_kernels(selection))


def units(scenarios: Sequence[Scenario], selection: Selection) -> Units:
    """Return what to run, ordered by scenario, case, revision, architecture, kernel and implementation.

    UsageError when a flag names what does not exist, or when nothing is left: an empty run is never a pass.
    """
    arches, apis, kernels = chosen(selection.arches), _chosen_apis(selection), chosen_kernels(selection)
    _known("implementation", selection.impls, IMPLEMENTATIONS)
    found = Units(
        (
            scenario,
            [
                *(
                    Under(api, arch, impl, kernel.name)
                    for api in apis
                    if api in scenario.apis
                    for arch in arches
                    if arch in scenario.arches
                    for kernel in kernels
                    for impl in _impls(selection, scenario, api, arch, kernel)
                ),
                *_of_header(selection, scenario),
            ],
        )
        for scenario in tagged(scenarios, selection.tags)
    )
    if not found:
        about = sorted({api for scenario in scenarios for api in scenario.apis})
        raise UsageError(
            f"nothing is selected: no case of {len(scenarios)} scenarios is about revisions {', '.join(apis)} on "
            f"{', '.join(arches)}{' with tag ' + ', '.join(selection.tags) if selection.tags else ''}"
            f"{' by ' + ', '.join(selection.impls) if selection.impls else ''}",
            hint=f"the scenarios are about {', '.join(about)}; `--api all` takes every revision"
            + ("; the native implementation is of merged" if NATIVE in selection.impls else ""),
        )
    return found
