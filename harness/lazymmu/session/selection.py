# SPDX-License-Identifier: GPL-2.0-only
"""Selects the units of a command: the cases of its scenarios, narrowed by the selection flags."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import count, product

from msgspec import Struct

from lazymmu.architecture import DEFAULT_KERNEL, architecture, architectures, chosen
from lazymmu.provision import catalogue
from lazymmu.provision.catalogue import Kernel
from lazymmu.results.result import Unit
from lazymmu.scenario import load, selectors
from lazymmu.scenario.lookup import scenario_files
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.subject.case import Scenario
from lazymmu.subject.implementations import HEADER, IMPLEMENTATIONS, MODULE, NATIVE, NATIVE_REPAIRED
from lazymmu.subject.revisions import DEFAULT_REVISIONS, REVISIONS
from lazymmu.support.errors import UsageError
from lazymmu.support.project import LIBRARY
from lazymmu.support.suggestions import suggestion

#: A message names what limits so many scenarios.
_LIMITS_SHOWN = 3


class Selection(Struct, frozen=True):
    """The selection flags as given; empty means the default."""

    arches: tuple[str, ...] = ()
    apis: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    #: Names, patterns, cases and tags of what is not wanted.
    excluded: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    impls: tuple[str, ...] = ()
    #: Revisions under which to run a header's text.
    of_header: tuple[str, ...] = ()
    #: Architecture and kernel of guests whose own implementation a patch changes.
    natively: tuple[tuple[str, str], ...] = ()
    #: The personality of every guest, in place of its own.
    personality: str | None = None


def _check(kind: str, names: Sequence[str], known: Iterable[str]) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            hint = f"there is: {', '.join(known) or 'none'}"
            raise UsageError(f"unknown {kind} `{name}`{suggestion(name, known)}", hint=hint)


def chosen_apis(selection: Selection) -> tuple[str, ...]:
    """Return the revisions that the flags name, or the default ones. Raises UsageError for an unknown name."""
    for name in selection.apis:
        with suppress(KeyError):
            REVISIONS[name]  # SetupError if its file is broken
    _check("revision", selection.apis, [*REVISIONS, "all"])
    wanted = selection.apis or DEFAULT_REVISIONS
    return tuple(REVISIONS.every()) if "all" in wanted else tuple(name for name in REVISIONS if name in wanted)


def chosen_kernels(selection: Selection) -> tuple[Kernel, ...]:
    """Return the kernels that the flags name, or the default one, in the order of the catalogue.

    User-built ones are the last. Raises UsageError for an unknown name, and for a kernel that no chosen architecture
    can run.
    """
    wanted = {name: catalogue.kernel(name) for name in selection.kernels or (DEFAULT_KERNEL,)}
    own = [kernel for kernel in wanted.values() if kernel.own]
    for kernel in own:
        if not arches_of(kernel, selection.arches):
            _check_options(kernel, chosen(selection.arches))
            built, said = ", ".join(kernel.own), ", ".join(selection.arches)
            raise UsageError(f"--kernel {kernel.name} is built for {built}, and --arch says {said}")
    return (*(kernel for name, kernel in catalogue.kernels().items() if name in wanted), *own)


def arches_of(kernel: Kernel, named: Sequence[str]) -> tuple[str, ...]:
    """Return the architectures on which to run a kernel, of those that a user named.

    A path names its own. A variant of an architecture must be named, and so must a hypervisor's guest.
    """
    if not kernel.own:
        return chosen(named)
    bare = [arch for arch in kernel.own if not (architecture(arch).variant_of or architecture(arch).hypervisor)]
    return tuple(arch for arch in (chosen(named) if named else bare or kernel.own) if arch in kernel.own)


def _check_options(kernel: Kernel, arches: Iterable[str]) -> None:
    """Raise UsageError if a user-built kernel could be a guest of these architectures with other options."""
    from lazymmu.provision import own_kernels

    for one in map(architecture, arches):
        for own in kernel.own.values():
            if one.kbuild == architecture(own.arch).kbuild and not one.variant_of:
                own_kernels.check_options(f"--kernel {kernel.name}", one, own.config, own.source)


def _tags(scenarios: Iterable[Scenario]) -> list[str]:
    return sorted({tag for scenario in scenarios for tag in scenario.tags})


def narrowed(scenarios: Sequence[Scenario], tags: Sequence[str], excluded: Sequence[str]) -> tuple[Scenario, ...]:
    """Return the scenarios with one of these tags, or all if there are none, without what is excluded.

    Raises UsageError for an unknown tag, and for a word that could exclude nothing.
    """
    _check("tag", tags, _tags(scenarios))
    left = [scenario for scenario in scenarios if not tags or set(tags) & set(scenario.tags)]
    for word in excluded:
        name, values = selectors.split(word)
        hit = [one for one in scenarios if word in one.tags or selectors.matches(name, one.name)]
        hit = hit or _named_otherwise(scenarios, word)
        if hit and not any(selectors.with_cases(one, [values]) for one in hit):
            raise selectors.unknown_case(word, hit)
        names = {one.name for one in hit}
        kept = (selectors.without_cases(one, values) if one.name in names else one for one in left)
        left = [one for one in kept if one is not None]
    return tuple(left)


def _named_otherwise(scenarios: Sequence[Scenario], word: str) -> list[Scenario]:
    """Return the scenarios that a word of --exclude means by a path; raises UsageError if it means nothing at all."""
    try:
        names = {found.name for found in scenario_files([word], LIBRARY, Problems())}
    except UsageError as error:
        # It may be a tag of what is not selected.
        library = load([], LIBRARY)
        if word not in _tags(library):
            tags = ", ".join(_tags([*library, *scenarios]))
            raise UsageError(f"--exclude {word}: {error.message}, and no tag", hint=f"the tags: {tags}") from None
        return []
    return [one for one in scenarios if one.name in names]


def _impls(selection: Selection, scenario: Scenario, api: str, arch: str, kernel: Kernel) -> Iterator[str]:
    """Yield the implementations to test on one machine; by default the module's, and the kernel's if it has one."""
    if not selection.impls or MODULE in selection.impls:
        yield MODULE
    usual = architectures()[arch].personality
    for impl in (NATIVE, NATIVE_REPAIRED) if selection.personality in (None, usual) and scenario.native else ():
        one, has_it, is_named = IMPLEMENTATIONS[impl], arch in kernel.native, impl in selection.impls
        if api not in one.revisions or (one.personalities and usual not in one.personalities):
            continue
        # If it is named and the kernel has none, a unit says so. By default there is no repair.
        default = not selection.impls and impl == NATIVE
        if (has_it and arch in scenario.native and (is_named or default)) or (is_named and not has_it):
            yield impl


def _under(selection: Selection, scenario: Scenario) -> Iterator[tuple[str, str, str, str]]:
    """Yield each revision, architecture, implementation and kernel with which the cases of a scenario run."""
    guests = scenario.arches
    if selection.personality is not None:
        guests = scenario.guests if selection.personality in scenario.personalities else ()
    kernels = chosen_kernels(selection)
    machines = [
        (arch, kernel)
        for arch in architectures()
        for kernel in kernels
        if arch in guests and arch in arches_of(kernel, selection.arches)
    ]
    for api in chosen_apis(selection):
        if api in scenario.apis:
            for arch, kernel in machines:
                for impl in _impls(selection, scenario, api, arch, kernel):
                    yield api, arch, impl, kernel.name
    for api in selection.of_header:
        if api in scenario.apis:
            yield from ((api, arch, HEADER, kernel.name) for arch, kernel in machines)

    for api in sorted(IMPLEMENTATIONS[NATIVE].revisions & {*scenario.apis}):
        yield from ((api, arch, NATIVE, name) for arch, name in selection.natively if arch in scenario.native)


def units(scenarios: Sequence[Scenario], selection: Selection, *, repeat: int = 1) -> tuple[Unit, ...]:
    """Return what to run, ordered by scenario, case, revision, architecture, kernel, implementation and repetition.

    Raises UsageError if a flag names what does not exist, or if nothing is left: an empty run is never a pass.
    """
    found = applicable(scenarios, selection, repeat=repeat)
    if not found:
        raise _nothing_selected(scenarios, selection)
    return found


def applicable(scenarios: Sequence[Scenario], selection: Selection, *, repeat: int = 1) -> tuple[Unit, ...]:
    """Return what `units` returns, or nothing if nothing is left."""
    _check("implementation", selection.impls, IMPLEMENTATIONS)
    index = count()
    return tuple(
        Unit(
            *(scenario, number, *under),
            repetition=repetition if repeat > 1 else None,
            index=next(index),
            given_personality=selection.personality,
        )
        for scenario in narrowed(scenarios, selection.tags, selection.excluded)
        for number, under, repetition in product(
            range(len(scenario.cases)), _under(selection, scenario), range(1, repeat + 1)
        )
    )


def _nothing_selected(scenarios: Sequence[Scenario], selection: Selection) -> UsageError:
    about = sorted({api for scenario in scenarios for api in scenario.apis})
    tags = f" with tag {', '.join(selection.tags)}" if selection.tags else ""
    tags += f" without {', '.join(selection.excluded)}" if selection.excluded else ""
    impls = f" by {', '.join(selection.impls)}" if selection.impls else ""
    personality = f" as {selection.personality}" if selection.personality else ""
    hints = [f"the scenarios are about {', '.join(about)}"]
    if "all" not in selection.apis:
        hints.append("`--api all` takes every revision")
    if {NATIVE, NATIVE_REPAIRED} & {*selection.impls}:
        hints.append("the native implementation is of merged")
    for scenario in scenarios[:_LIMITS_SHOWN]:
        hints += [f"{limit.place}: {limit}" for limit in scenario.limits]
        if not {*scenario.arches} & {*chosen(selection.arches)} and selection.personality is None:
            who = f"only {', '.join(scenario.arches)} has" if scenario.arches else "no guest has"
            hints.append(f"{who} that by itself: `--personality {scenario.personalities[0]}` gives it to all")
    return UsageError(
        f"nothing is selected: no case of {len(scenarios)} scenario{'' if len(scenarios) == 1 else 's'} is about "
        f"revisions {', '.join(chosen_apis(selection))} on {', '.join(chosen(selection.arches))}"
        f"{personality}{tags}{impls}",
        hint="; ".join(hints),
    )


def scenarios_of(units: Iterable[Unit]) -> list[Scenario]:
    """Return the scenarios of units, each once."""
    return list({unit.scenario.name: unit.scenario for unit in units}.values())


def shuffled(units: Sequence[Unit], seed: int | None) -> Sequence[Unit]:
    """Return the units in the order of a seed; without one, in their own.

    The order of two units depends only on the seed and on them: if fewer are selected, the others keep their order, so
    that one can narrow down a failure that depends on it.
    """
    if seed is None:
        return units
    return sorted(units, key=lambda unit: sha256(f"{seed} {unit.label()}".encode()).digest())
