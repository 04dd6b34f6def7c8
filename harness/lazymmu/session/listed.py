# SPDX-License-Identifier: GPL-2.0-only
"""Runs exactly the cases that something lists: those that failed in an earlier run, or those of a plan.

Both also have the flags that selected them, which cannot be given again.
"""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lazymmu.provision.keys import digest
from lazymmu.reports import results_folder
from lazymmu.reports.destination import STDOUT, json_text, whole
from lazymmu.results.result import FAILED, SavedUnit, Unit
from lazymmu.session.selection import scenarios_of
from lazymmu.subject.case import Scenario
from lazymmu.support.errors import UsageError
from lazymmu.support.lists import some_of

#: Arguments that select units.
SELECTING = (
    *("scenarios", "arch", "api", "tag", "exclude", "personality", "impl", "kernel"),
    *("header", "patch", "tree"),
)
_LISTS = ("scenarios", "arch", "api", "tag", "exclude")
#: A message names so many.
_NAMED = 5


class SavedPlan(Struct, frozen=True):
    """The contents of a plan's file."""

    schema: Literal[1]
    #: The selecting arguments.
    arguments: dict[str, Any]
    #: Scenario's name -> digest of its file.
    scenarios: dict[str, str]
    units: tuple[SavedUnit, ...]


class Listed(Struct, frozen=True):
    """The cases that something lists."""

    #: What lists them, for messages.
    origin: str
    #: The label of each unit, without repetition.
    labels: frozenset[str]
    #: The arguments that selected them.
    arguments: Mapping[str, Any]
    #: Scenario's name -> digest; None if scenarios may have changed.
    scenarios: Mapping[str, str] | None = None
    #: The copy of a patch that came by a pipe.
    patch: Path | None = None

    def of(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """Return the units that are listed, numbered anew. Raises UsageError if one no longer exists."""
        if self.scenarios is not None:
            now = digests(scenarios_of(units))
            if changed := [name for name, before in self.scenarios.items() if now.get(name) != before]:
                lines = "".join(f"\n    {name}{'' if name in now else ' (no longer selected)'}" for name in changed)
                raise UsageError(f"{self.origin}: since the plan was saved, these scenarios changed:{lines}")
        found = [unit for unit in units if label(unit) in self.labels]
        if missing := sorted(self.labels - {label(unit) for unit in found}):
            hint = "its paths are relative to the working folder of that command"
            raise UsageError(f"{self.origin}: these no longer exist: {some_of(missing, _NAMED)}", hint=hint)
        return tuple(replace(unit, index=index) for index, unit in enumerate(found))


def label(unit: Unit | SavedUnit) -> str:
    """Return the full name of a unit, the same for all its repetitions."""
    return replace(unit, repetition=None).label()


def digests(scenarios: Sequence[Scenario]) -> dict[str, str]:
    """Return scenario's name -> digest of its file."""
    return {one.name: digest([Path(one.path).read_bytes()]) for one in scenarios}


def asked(arguments: Namespace) -> tuple[Namespace, Listed | None]:
    """Return the arguments with those that selected what --failed-from or --plan lists, and the list; None without."""
    sources = {"--failed-from": arguments.failed_from, "--plan": arguments.plan}
    given = {flag: name for flag, name in sources.items() if name is not None}
    if not given:
        return arguments, None
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} cannot be given together")
    (flag, name), *_ = given.items()
    if flags := [key for key in SELECTING if getattr(arguments, key)]:
        shown = getattr(arguments, flags[0])[0] if flags[0] == "scenarios" else f"--{flags[0]}"
        raise UsageError(f"{flag} {name} selects what its list says: `{shown}` cannot be given with it")
    found = _failed(name) if flag == "--failed-from" else _planned(name)
    return Namespace(**{**vars(arguments), **found.arguments}), found


def _selecting(recorded: Mapping[str, Any]) -> dict[str, Any]:
    return {key: recorded.get(key) or ([] if key in _LISTS else None) for key in SELECTING}


def _failed(name: str) -> Listed:
    """Return what failed in the run with this results folder."""
    from lazymmu.reports.compare import read

    facts = results_folder.ended(name, f"--failed-from `{name}`")
    # That run may have had a list, too.
    recorded = (facts.get("listed") or facts)["arguments"]
    failed = [one for one in read(name).results if one.raw_outcome in FAILED and not one.known]
    if not failed:
        raise UsageError(f"--failed-from `{name}`: nothing failed there")
    patch = Path(name) / results_folder.PATCH
    labels = frozenset(one.label() for one in failed)
    origin, chosen = f"what failed in {name}", _selecting(recorded)
    return Listed(origin, labels, chosen, patch=patch if chosen["patch"] else None)


def last_run() -> str:
    """Return the results folder of the last run in the state folder. Raises UsageError if there is none."""
    latest = results_folder.default_root() / results_folder.LATEST
    if not latest.exists():
        raise UsageError("--failed: there is no last run", hint="`--failed-from DIR` names the folder of a run")
    return str(latest.resolve())


def _planned(name: str) -> Listed:
    """Return what the file of a plan lists."""
    try:
        saved = msgspec.json.decode(Path(name).read_bytes(), type=SavedPlan)
    except OSError as error:
        raise UsageError(f"--plan `{name}` cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UsageError(f"--plan `{name}` is not a plan: {error}", hint="`run --save-plan FILE` writes one") from None
    if not saved.units:
        raise UsageError(f"--plan `{name}` lists nothing")
    labels = frozenset(map(label, saved.units))
    return Listed(f"the plan {name}", labels, _selecting(saved.arguments), scenarios=saved.scenarios)


def save(name: str, arguments: Namespace, units: Sequence[Unit]) -> None:
    """Write the plan of these units. Raises UsageError if it could not be run elsewhere, or not be written."""
    if arguments.patch == STDOUT:
        raise UsageError("--save-plan needs a patch in a file, not --patch -")
    document = {
        "arguments": {key: getattr(arguments, key) for key in SELECTING},
        "scenarios": digests(scenarios_of(units)),
        "units": msgspec.to_builtins([SavedUnit.of(unit) for unit in units]),
    }
    try:
        with whole(Path(name)) as file:
            file.write(json_text(document))
    except OSError as error:
        raise UsageError(f"--save-plan `{name}` cannot be written: {error.strerror}") from error
