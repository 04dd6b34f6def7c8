# SPDX-License-Identifier: GPL-2.0-only
"""What each command of the command line does: parsed arguments in, exit status out."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from harness.core.errors import INTERRUPTED, SetupError, UsageError
from harness.core.project import LIBRARY, ROOT
from harness.core.result import Outcome, Result
from harness.core.vocabulary import PERSONALITIES
from harness.images import catalogue
from harness.images import setup as images
from harness.images.cache import Cache, default_root
from harness.images.progress import Progress
from harness.model import predict as predict_case
from harness.report import json
from harness.report.terminal import Terminal
from harness.run import Options, prepare_all
from harness.run import run as run_units
from harness.scenario import load
from harness.selection import Selection, tagged, units
from harness.verdict import pins

#: Kernel of a run that names none.
DEFAULT_KERNEL = "lts"


def _selection(arguments: Namespace) -> Selection:
    return Selection(arches=tuple(arguments.arch), apis=tuple(arguments.api), tags=tuple(arguments.tag))


def _library() -> Path:
    """Return the library's folder, as seen from the working folder when it lies below: messages are shorter so."""
    with suppress(OSError, ValueError):
        return LIBRARY.relative_to(Path.cwd())
    return LIBRARY


def _kernel(arguments: Namespace) -> catalogue.Kernel:
    names = list(dict.fromkeys(arguments.kernel or [DEFAULT_KERNEL]))
    chosen = [catalogue.kernel(name) for name in names]
    if len(chosen) > 1:
        raise UsageError("more than one --kernel in a run is not available yet")
    return chosen[0]


def _human(arguments: Namespace) -> Terminal:
    """Return where a person reads: standard error when standard output is for a program."""
    return Terminal(sys.stderr if arguments.json == "-" else sys.stdout)


def _target(arguments: Namespace) -> json.Target | None:
    return None if arguments.json is None else json.Target.checked(arguments.json)


def _cache() -> Cache:
    return Cache(default_root(), Progress())


def exit_status(results: Sequence[Result], *, no_skip: bool) -> int:
    """Return the status that design.md's contract gives to these results."""
    outcomes = {result.outcome for result in results}
    if Outcome.FAIL in outcomes:
        return 1
    if Outcome.ERROR in outcomes or (no_skip and Outcome.SKIP in outcomes):
        return 3
    return 0 if Outcome.PASS in outcomes else 2


def run(arguments: Namespace) -> int:
    """Run the selected units on guests; report them."""
    selection = _selection(arguments)
    kernel = _kernel(arguments)
    selected = units(load(arguments.scenarios, _library()), selection)
    target = _target(arguments)
    terminal = _human(arguments)
    arches = list(dict.fromkeys(unit.arch for unit in selected))
    prepared = images.prepare(_cache(), kernel, arches, offline=arguments.offline)
    begin = time.monotonic()
    with terminal.progress(len(selected)) as advance:
        options = Options(timeout_scale=arguments.timeout_scale, trace=arguments.trace)
        report = run_units(selected, prepared, options, finished=advance)
    accelerators = {arch: (chosen.name, chosen.reason) for arch, chosen in report.accelerators.items()}
    if target:
        target.write(
            json.run_document(
                report.results,
                trace=arguments.trace,
                accelerators=accelerators,
                selected=len(selected),
                interrupted=report.interrupted,
            )
        )
    terminal.scenarios(report.results)
    terminal.troubles(report.results)
    releases = sorted({result.release for result in report.results if result.release})
    terminal.total(report.results, time.monotonic() - begin, accelerators, releases)
    if report.interrupted:
        terminal.line(f"interrupted: {len(report.results)} of {len(selected)} were done")
        return INTERRUPTED
    return exit_status(report.results, no_skip=arguments.no_skip)


def predict(arguments: Namespace) -> int:
    """Print what the model says of the selected units; 1 when an author's pin does not hold in it."""
    selection = _selection(arguments)
    _kernel(arguments)
    selected = units(load(arguments.scenarios, _library()), selection)
    target = _target(arguments)
    terminal = _human(arguments)
    predictions = []
    broken = []
    for unit in selected:
        trace = predict_case(unit.case, unit.api, unit.arch)
        broken += [(unit, difference) for difference in pins(unit, trace, "the model says")]
        predictions.append((unit, trace if arguments.trace else replace(trace, steps=())))
    if target:
        target.write(json.predict_document(predictions, trace=arguments.trace))
    else:
        for unit, trace in predictions:
            terminal.prediction(unit, trace)
    for unit, difference in broken:
        terminal.broken_pin(unit, difference)
    return 1 if broken else 0


def list_scenarios(arguments: Namespace) -> int:
    """Print the scenarios, one a line, with what they are about."""
    shown = tagged(load(arguments.scenarios, _library()), arguments.tag)
    terminal = Terminal(sys.stdout)
    width = max(len(scenario.name) for scenario in shown)
    for scenario in shown:
        about = f"{','.join(scenario.apis)} on {','.join(scenario.arches)}"
        tags = f" [{', '.join(scenario.tags)}]" if scenario.tags else ""
        terminal.line(f"{scenario.name:<{width}}  {len(scenario.cases)} case(s), {about}{tags}")
        terminal.line(f"{'':<{width}}  {' '.join(scenario.description.split())}", "dim")
    return 0


def lint(arguments: Namespace) -> int:
    """Check scenario files."""
    scenarios = load(arguments.scenarios, _library())
    cases = sum(len(scenario.cases) for scenario in scenarios)
    Terminal(sys.stdout).line(f"{len(scenarios)} scenarios with {cases} cases are well formed")
    return 0


def setup(arguments: Namespace) -> int:
    """Fetch and build what guests need."""
    if arguments.offline and arguments.update:
        raise UsageError("--update needs a network, which --offline forbids")
    kernel = _kernel(arguments)
    store = _cache()
    arches = [arch for arch in PERSONALITIES if arch in kernel.flavours]
    prepared = images.prepare(store, kernel, arches, offline=arguments.offline, update=arguments.update)
    machines = prepare_all(prepared, arches, Options())
    for arch, machine in machines.items():
        release = prepared.kernels[arch].release
        chosen = machine.boot.accelerator
        store.progress.say(f"{arch}: {kernel.name} is Linux {release.release} ({release.version})")
        store.progress.say(f"{arch}: {chosen.name} ({chosen.reason})")
    store.progress.say(f"ready in {store.root}, programs of the tool root run by {prepared.sandbox.name}")
    return 0


def test(arguments: Namespace) -> int:
    """Replace this process by tox, which runs the linters and the tests."""
    if find_spec("tox") is None:
        raise SetupError("tox is not installed in this environment", hint="pip install -r requirements.txt")
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "tox", "run", "--", *arguments.arguments])  # noqa: S606


#: Command of the command line -> what does it.
COMMANDS = {
    "run": run,
    "predict": predict,
    "list": list_scenarios,
    "lint": lint,
    "setup": setup,
    "test": test,
}
