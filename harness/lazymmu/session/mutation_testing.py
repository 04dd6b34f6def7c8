# SPDX-License-Identifier: GPL-2.0-only
"""The command `mutants`: which scenarios notice a mistake, for each of many builds of the module with one in it."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from difflib import get_close_matches

from lazymmu.provision import catalogue
from lazymmu.provision import setup as images
from lazymmu.reports import documents
from lazymmu.reports.destination import targets
from lazymmu.reports.terminal import Terminal
from lazymmu.results.result import Outcome, Unit
from lazymmu.scenario import load
from lazymmu.session import requests
from lazymmu.session.mutants import NONE, Mutant, Runner, Trial, hunt, idle, known, runner
from lazymmu.session.selection import Selection, units
from lazymmu.subject.revisions import DEFAULT_REVISIONS
from lazymmu.support.errors import LazymmuError, UsageError
from lazymmu.support.interrupts import Interrupts
from lazymmu.support.machine_names import DEFAULT_KERNEL

# Scenarios named for a mutant that many notice.
_NAMED = 4


def mutants(arguments: Namespace) -> int:
    """Run the library against each mutant; 1 when one survives."""
    chosen = _chosen(arguments.mutant)
    selection = Selection(
        arches=tuple(arguments.arch), apis=tuple(arguments.api) or ("all",), tags=tuple(arguments.tag)
    )
    selected = units(load(arguments.scenarios, requests.library()), selection)
    goals = targets({"--json": arguments.json})
    terminal = requests.human(arguments)
    if arguments.list:
        for mutant in chosen:
            terminal.line(f"{mutant.name}: {mutant.what} ({', '.join(mutant.apis)}; {', '.join(mutant.arches)})")
        return 0
    arches = list(dict.fromkeys(unit.arch for unit in selected))
    prepared = images.prepare(requests.cache(), catalogue.kernel(DEFAULT_KERNEL), arches)
    begin = time.monotonic()
    trials: list[Trial] = []
    with Interrupts.noted() as interrupts:
        ran = runner(prepared, interrupts)
        _check(NONE, _control(selected, chosen), ran)
        for mutant in chosen:
            trials.append(hunt(mutant, selected, ran, full=arguments.full))
            _tell(terminal, trials[-1])
        lazy = idle(selected, trials, ran)
    survivors = [trial for trial in trials if not trial.killers]
    if lazy:
        terminal.line(f"scenarios that notice none of these: {', '.join(lazy)}")
    total = f"{len(trials) - len(survivors)} of {len(trials)} mutants killed"
    terminal.line(f"{total} in {time.monotonic() - begin:.0f} s", "bold red" if survivors else "bold green")
    for goal in goals.values():
        goal.write(
            documents.text({"schema": documents.SCHEMA, "mutants": [trial.to_json() for trial in trials], "idle": lazy})
        )
    return 1 if survivors else 0


def _chosen(names: Sequence[str]) -> list[Mutant]:
    """Return the mutants that are named, all without a name."""
    every = known()
    for name in names:
        if name not in every:
            close = get_close_matches(name, every, n=1)
            guess = f" (did you mean `{close[0]}`?)" if close else ""
            raise UsageError(f"unknown mutant `{name}`{guess}", hint="`lazymmu mutants --list` names them")
    return [mutant for name, mutant in every.items() if not names or name in names]


def _control(selected: Sequence[Unit], chosen: Sequence[Mutant]) -> list[Unit]:
    """Return what must pass without a mutant: what one concerns, in the usual revisions where there are such."""
    concerned = [unit for unit in selected if any(mutant.concerns(unit) for mutant in chosen)]
    return [unit for unit in concerned if unit.api in DEFAULT_REVISIONS] or concerned


def _check(control: Mutant, units: Sequence[Unit], ran: Runner) -> None:
    """Raise LazymmuError when the build with mutants is wrong while none is chosen."""
    wrong = [result for result in ran(control, units, True) if result.outcome in (Outcome.FAIL, Outcome.ERROR)]
    if wrong:
        named = ", ".join(result.label() for result in wrong[:_NAMED])
        raise LazymmuError(
            f"without a mutant, {len(wrong)} of {len(units)} do not pass: {named}: {wrong[0].reason}",
            hint="`lazymmu run` says more; mutants can be judged only where everything else passes",
        )


def _tell(terminal: Terminal, trial: Trial) -> None:
    """Print one line for a mutant, and its errors."""
    name = trial.mutant.name
    if trial.killers:
        arches = list(dict.fromkeys(arch for found in trial.killers.values() for arch in found))
        more = f" and {len(trial.killers) - _NAMED} more" if len(trial.killers) > _NAMED else ""
        terminal.line(f"killed    {name} by {', '.join(list(trial.killers)[:_NAMED])}{more} on {', '.join(arches)}")
    else:
        terminal.line(f"SURVIVED  {name}: {trial.mutant.what} ({len(trial.tried)} units ran)", "bold red")
    for result in trial.errors[:_NAMED]:
        terminal.line(f"    error {result.label()}: {result.reason}", "bold magenta")
