# SPDX-License-Identifier: GPL-2.0-only
"""The plan of a run: what the command line asks for, and what the units without a result need."""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from lazymmu.provision import catalogue, setup
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.reports.destination import Target, targets
from lazymmu.reports.formats import FORMATS
from lazymmu.results.known_issues import KnownIssue
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.scenario import load
from lazymmu.session import header_run, known_file, listed, requests
from lazymmu.session.given import Given
from lazymmu.session.kunit import suites as kunit
from lazymmu.session.selection import Selection, scenarios_of, units
from lazymmu.subject.case import Scenario
from lazymmu.subject.implementations import IMPLEMENTATIONS, KUNIT
from lazymmu.support.errors import SetupError, UsageError


class Plan(Struct, frozen=True):
    """What the command line asks for."""

    #: With what --failed-from or --plan adds.
    arguments: Namespace
    selection: Selection
    #: What --header or --patch puts under test.
    given: Given | None
    units: Sequence[Unit]
    #: What was selected, of which `units` are a shard; all of them without --shard.
    whole: Sequence[Unit]
    #: What run.json says of a list or a shard.
    facts: Mapping[str, Any]
    #: The entries of --known; None without that flag.
    issues: Sequence[KnownIssue] | None
    #: Report's flag -> its target.
    targets: Mapping[str, Target]
    started: datetime

    @classmethod
    def of(cls, arguments: Namespace, started: datetime, patch: Path | None = None) -> Plan:
        """Return the plan of a command line. Raises UsageError or ScenarioError for every mistake in it.

        `patch` is the copy of the patch in the folder of a run that is resumed.
        """
        if arguments.quiet and arguments.verbose:
            raise UsageError("--quiet and --verbose cannot be given together")
        if arguments.core and not arguments.keep_failed:
            raise UsageError("--core writes cores of kept guests: it needs --keep-failed")
        if arguments.timings is not None and arguments.shard is None and arguments.on is None:
            raise UsageError("--timings balances shards: it needs --shard I/N or --on")
        library = requests.library()
        arguments, found = listed.asked(arguments)
        patch = patch or (None if found is None else found.patch)
        given, selection = header_run.selected(arguments, requests.selection(arguments), patch)
        whole = _selected(arguments, selection)
        facts: dict[str, Any] = {}
        if found is not None:
            whole = found.of(whole)
            facts["listed"] = {"origin": found.origin, "arguments": found.arguments}
        selected = whole
        if arguments.shard is not None:
            from lazymmu.session.shards import shard

            selected = shard.of(whole, arguments.shard, arguments.timings)
            scenarios = scenarios_of(whole)
            facts["shard"] = {
                "shard": arguments.shard,
                "selected": len(whole),
                "scenarios": listed.digests(scenarios),
                "paths": {one.name: one.path for one in scenarios},
            }
        return cls(
            arguments=arguments,
            selection=selection,
            given=given,
            units=selected,
            whole=whole,
            facts=facts,
            issues=None if arguments.known is None else known_file.load(arguments.known, library, whole),
            targets=targets({form.FLAG: vars(arguments)[name] for name, form in FORMATS.items()}),
            started=started,
        )

    @property
    def sources(self) -> dict[str, str]:
        """Name -> digest of the texts that --patch made."""
        return {} if self.given is None else self.given.sources

    @property
    def scenarios(self) -> list[Scenario]:
        """The scenarios of the units, each once."""
        return scenarios_of(self.units)


def _selected(arguments: Namespace, selection: Selection) -> Sequence[Unit]:
    """Return the cases of scenarios, and after them the kernels' own suites."""
    cases: tuple[Unit, ...] = ()
    if not kunit.only(selection):
        cases = units(load(arguments.scenarios, requests.library()), selection, repeat=arguments.repeat)
    return (*cases, *kunit.units(selection, len(cases), repeat=arguments.repeat))


def _unavailable(unit: Unit, reason: str, *, is_named: bool) -> Result:
    """Return the result of a unit that cannot be run: an error if the user named the cause, a skip if a default did."""
    if is_named:
        return kunit.prepared(unit).failed(SetupError(reason))
    return Result.of(unit, Outcome.SKIP, reason)


def without_implementation(unit: Unit, selection: Selection) -> Result | None:
    """Return the result of a unit that has no implementation to test; None if it has one."""
    if reason := kunit.refusal(unit):
        return _unavailable(unit, reason, is_named=KUNIT in selection.impls)
    kernel = catalogue.kernel(unit.kernel)
    if not IMPLEMENTATIONS[unit.impl].hooks_only or unit.arch in kernel.native:
        return None
    causes = list(_causes(kernel, unit.arch))
    is_named = any(name in (*selection.kernels, *selection.arches) for name, _ in causes)
    return _unavailable(unit, "; ".join(reason for _, reason in causes), is_named=is_named)


def _causes(kernel: Kernel, arch: str) -> Iterator[tuple[str, str]]:
    """Yield each cause, a kernel or an architecture, with the reason."""
    if lacks := kernel.own[arch].lacks_for_native if arch in kernel.own else ():
        options = ", ".join(f"CONFIG_{name}" for name in lacks)
        yield kernel.name, f"kernel {kernel.name} has no {options}: without that nothing is observed natively on {arch}"
        return
    if not kernel.native:
        yield kernel.name, f"kernel {kernel.name} has no nested lazy MMU mode of its own: that came with Linux 7.0"
    if not any(arch in other.native for other in catalogue.kernels().values()):
        yield arch, f"{arch} has none of its own in any kernel of images/kernels.yaml"
    elif kernel.native:
        reason = f"kernel {kernel.name} has no nested lazy MMU mode of its own on {arch}"
        yield from ((kernel.name, reason), (arch, reason))


def without_machine(unit: Unit, images: Images, selection: Selection) -> Result | None:
    """Return the result of a unit whose machine is not available; None if it is. `images` are those of its kernel.

    The user named the cause with the architecture, or with a kernel that is available for no architecture.
    """
    if unit.arch not in images.refused:
        return None
    reason = f"guests for {unit.arch} are not available: {images.refused[unit.arch]}"
    return _unavailable(unit, reason, is_named=unit.arch in selection.arches or not images.kernels)


class Preparation(Struct, frozen=True):
    """What the units without a result need."""

    #: Kernel's name -> what its guests are made of.
    images: Mapping[str, Images]
    #: Units for guests, in the order in which they run.
    runnable: Sequence[Unit]
    #: The results of the other units.
    unavailable: Sequence[Result]


def prepare(
    units: Sequence[Unit], selection: Selection, sandbox: Callable[[Path], Sandbox], *, offline: bool
) -> Preparation:
    """Fetch and build what these units need, as far as it is available. Raises SetupError."""
    results = [without_implementation(unit, selection) for unit in units]
    machines: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for unit, result in zip(units, results, strict=True):
        if result is None:
            machines[unit.kernel][unit.arch] = None
    cache = requests.cache()
    images = {
        name: setup.available(cache, catalogue.kernel(name), list(arches), offline=offline, wait=False, sandbox=sandbox)
        for name, arches in machines.items()
    }
    found = [
        (unit, result or without_machine(unit, images[unit.kernel], selection))
        for unit, result in zip(units, results, strict=True)
    ]
    return Preparation(
        images={name: some for name, some in images.items() if some.kernels},
        runnable=[unit for unit, result in found if result is None],
        unavailable=[result for _, result in found if result is not None],
    )
