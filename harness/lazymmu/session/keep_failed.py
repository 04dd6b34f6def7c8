# SPDX-License-Identifier: GPL-2.0-only
"""`run --keep-failed`: runs failed cases again, each alone in its guest, and saves the guest where it goes wrong."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.guests import saved_guest
from lazymmu.guests.machine import prepare
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.saved_guest import SavedGuest, Trial
from lazymmu.guests.shell_archive import with_shell
from lazymmu.provision.builds import Variant
from lazymmu.provision.setup import Images
from lazymmu.reports import results_folder
from lazymmu.results import failure_groups
from lazymmu.results.result import FAILED, Outcome, Result, Unit
from lazymmu.results.store import ResultStore
from lazymmu.session import manifest, requests
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.session.scheduler import Options, Schedule
from lazymmu.subject.implementations import KUNIT
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import LazymmuError, UsageError
from lazymmu.support.interrupts import Interrupts
from lazymmu.support.project import MODULE_SOURCE

#: So many guests are saved: the smallest case of each of the first causes.
MOST = 4
# QEMU writes a core within so many seconds, multiplied by --timeout-scale.
_CORE = 120.0
#: What the compiler needs to be told so that debuggers know the module's lines and variables.
WITH_LINES = "CFLAGS_MODULE=-g"


class Kept(Struct, frozen=True):
    """What became of a failed case."""

    number: int
    #: `Result.label()` and `Result.case_name()`.
    label: str
    case: str
    arch: str
    #: Where the guest was saved, such as `before step 2 disable`; or why it was not.
    where: str
    #: The folder below the cache; empty if it was not saved.
    guest: str = ""
    #: The ELF core below the cache; empty if there is none.
    core: str = ""

    def note(self, folder: Path) -> str:
        """Return the line of a report; `folder` is the results folder."""
        if not self.guest:
            return f"not kept: {self.label}: {self.where}"
        core = f"; core: {requests.cache().root / self.core}" if self.core else ""
        return f"kept: {self.label}: {self.where}; lazymmu gdb --from {folder} '{self.label}'{core}"


def chosen(results: ResultStore, units: Mapping[int, Unit]) -> list[Result]:
    """Return the failed results whose guests are saved: the smallest case of each of the first causes."""
    first = [group.first for group in failure_groups.groups(results, {})]
    in_guest = [one for one in first if one.outcome in FAILED and one.release and one.impl != KUNIT]
    return [results.whole(one.number) for one in in_guest if one.number in units][:MOST]


def keep(
    results: Sequence[Result],
    units: Mapping[int, Unit],
    images: Mapping[str, Images],
    options: Options,
    interrupts: Interrupts,
    changed: Callable[[str, str], None],
    arguments: Namespace,
) -> list[Kept]:
    """Run the cases of these results again, and save their guests. An interrupt ends that early.

    `arguments` are those of `run`: --core and --offline.
    """
    failed = [units[result.number] for result in results if result.outcome is Outcome.FAIL]
    logs = options.logs and options.logs / "keep-failed"
    if logs is not None:
        logs.mkdir(exist_ok=True)
    options = replace(options, logs=logs)
    again: list[Result] = []
    Schedule(failed, images, replace(options, isolation="scenario"), again.append, changed).run(interrupts)
    seen = {result.number: result for result in again}
    found: list[Kept] = []
    guests = RunningGuests(logs=logs)

    def work() -> None:
        for result in results:
            if not guests.stopping.is_set():
                changed(result.machine, "saving the guest")
                unit = units[result.number]
                made_of = (images[unit.kernel], options, guests)
                found.append(_kept(unit, seen.get(unit.index, result), *made_of, arguments))

    # QEMU dies with the thread that started it.
    with ThreadPoolExecutor(1, thread_name_prefix="keep-failed") as pool, closing(guests):
        if not interrupts.came:
            future = pool.submit(work)
            future.add_done_callback(interrupts.notify)
            while not interrupts.came and not future.done():
                interrupts.wait()
            if interrupts.came:
                for each in images.values():
                    each.cache.tools.stop()
            else:
                future.result()
    return found


def _kept(
    unit: Unit, result: Result, images: Images, options: Options, guests: RunningGuests, arguments: Namespace
) -> Kept:
    kept = Kept(unit.index, unit.label(), unit.case_name(), unit.arch, "it passes when it runs again, alone")
    if result.outcome not in FAILED:
        return kept
    root = images.cache.root
    try:
        folder, where = _saved(unit, result, images, options, guests, offline=arguments.offline)
        kept = replace(kept, where=where, guest=str(folder.relative_to(root)))
        if arguments.core:
            limit = Deadline.after(_CORE * options.timeout_scale)
            core = SavedGuest.read(folder).core(folder, images.cache, guests, limit)
            kept = replace(kept, core=str(core.relative_to(root)))
    except (LazymmuError, OSError) as error:
        return replace(kept, where=f"{kept.where}; no core: {error}" if kept.guest else str(error))
    return kept


def _saved(
    unit: Unit, result: Result, images: Images, options: Options, guests: RunningGuests, *, offline: bool
) -> tuple[Path, str]:
    """Save the guest of a failed case; return its folder, and where it was saved. Raises LazymmuError, OSError."""
    prepared = PreparedUnit(unit)
    step, is_lost = _first_difference(result), result.outcome is Outcome.ERROR
    variant = with_lines(options.variants.of(unit.arch, unit.kernel))
    machine = prepare(images, unit.arch, options.timeout_scale, guests, variant=variant)
    machine = with_shell(machine, (), (), offline=offline)
    pool = GuestPool(machine, guests, lambda _: None, restore=True)
    trial = Trial(prepared.program(1), step, is_lost=is_lost, sources=tuple(sorted(variant.sources.items())))
    folder = saved_guest.save(machine, pool.snapshots, guests, trial, MODULE_SOURCE)
    where = SavedGuest.read(folder).where
    if step is not None:
        named = next(one for one in prepared.case.walk() if one.index == step)
        where += f" {named.op} ({named.place})"
    return folder, where


def with_lines(variant: Variant) -> Variant:
    """Return a build with the compiler's debug information."""
    return replace(variant, make=(*variant.make, WITH_LINES))


def _first_difference(result: Result) -> int | None:
    """Return the step that differs first; None if only the end does, or for an error."""
    steps = [part.step for part in result.parts if part.step is not None]
    return min(steps, default=None)


def of_results(
    name: str, case: str | None, arch: str | None, of_new: Mapping[str, Any] | None = None
) -> tuple[Path, SavedGuest]:
    """Return the folder of a saved guest, and what is known of it. Print which one it is.

    `name` is the results folder. `of_new` has the values of flags that only a new guest can have: UsageError names one
    that was given. Raises UsageError, and SetupError for a guest that is gone.
    """
    for flag, value in (of_new or {}).items():
        if value not in (None, []):
            raise UsageError(f"{flag} and --from cannot be given together: the guest is as it was saved")
    shown = f"--from `{name}`"
    facts = results_folder.ended(name, shown)
    one = _named(facts.get("kept", ()), case, arch, shown)
    folder = requests.cache().root / one["guest"]
    saved = SavedGuest.read(folder)
    print(f"{one['label']}: {one['where']}", file=sys.stderr)
    for change in manifest.changed_sources(facts, Namespace(known=None, header=None), {}):
        print(f"note: since that run, {change} changed; the guest has it as it was", file=sys.stderr)
    return folder, saved


def _named(kept: Sequence[Mapping[str, Any]], case: str | None, arch: str | None, shown: str) -> Mapping[str, Any]:
    """Return the entry of run.json that a user means. Raises UsageError; `shown` is the results folder."""
    saved = [one for one in kept if one["guest"]]
    if not saved:
        reasons = "".join(f"\n    {one['label']}: {one['where']}" for one in kept)
        raise UsageError(
            f"{shown} has no saved guest{reasons}", hint="`lazymmu run --keep-failed` saves those of failed cases"
        )
    found = [one for one in saved if case in (None, *_names(one)) and arch in (None, one["arch"])]
    if len(found) == 1:
        return found[0]
    listed = "".join(f"\n    {one['label']}: {one['where']}" for one in found or saved)
    raise UsageError(
        f"{shown}: {'several saved guests' if found else f'no saved guest of {case or arch}'}; name one:{listed}"
    )


def _names(one: Mapping[str, Any]) -> Iterator[str]:
    yield from (one["label"], one["case"], one["case"].partition("[")[0])
