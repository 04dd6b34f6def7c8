# SPDX-License-Identifier: GPL-2.0-only
"""What each command of the command line does: parsed arguments in, exit status out."""

from __future__ import annotations

import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from importlib.util import find_spec

from harness.core.errors import SetupError, UsageError
from harness.core.project import LIBRARY, ROOT
from harness.core.result import Outcome, Result
from harness.core.vocabulary import PERSONALITIES
from harness.images import cache, catalogue
from harness.images import setup as images
from harness.images.progress import Progress
from harness.model import predict as predict_case
from harness.report import json
from harness.report.terminal import Terminal
from harness.run import run as run_units
from harness.scenario import load
from harness.selection import Selection, units
from harness.verdict import pins

#: Kernel of a run that names none.
DEFAULT_KERNEL = "lts"

_INTERRUPTED = 130


def _selection(arguments: Namespace) -> Selection:
    return Selection(arches=tuple(arguments.arch), apis=tuple(arguments.api), tags=tuple(arguments.tag))


def _kernel(arguments: Namespace) -> catalogue.Kernel:
    names = list(dict.fromkeys(arguments.kernel or [DEFAULT_KERNEL]))
    chosen = [catalogue.kernel(name) for name in names]
    if len(chosen) > 1:
        raise UsageError("more than one --kernel in a run is not available yet")
    return chosen[0]


def _human(arguments: Namespace) -> Terminal:
    """Return where a person reads: standard error when standard output is for a program."""
    return Terminal(sys.stderr if arguments.json == "-" else sys.stdout)


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
    selected = units(load(arguments.scenarios, LIBRARY), selection)
    terminal = _human(arguments)
    progress = Progress()
    arches = list(dict.fromkeys(unit.arch for unit in selected))
    prepared = images.prepare(cache.Cache(cache.default_root(), progress), kernel, arches, offline=arguments.offline)
    begin = time.monotonic()
    report = run_units(selected, prepared, timeout_scale=arguments.timeout_scale, finished=lambda _result: None)
    terminal.scenarios(report.results)
    for result in report.results:
        if result.outcome is not Outcome.PASS:
            terminal.trouble(result)
    accelerators = {arch: (chosen.name, chosen.reason) for arch, chosen in report.accelerators.items()}
    releases = sorted({result.release for result in report.results if result.release})
    terminal.total(report.results, time.monotonic() - begin, accelerators, releases)
    if arguments.json:
        json.write(json.run_document(report.results, trace=arguments.trace, accelerators=accelerators), arguments.json)
    if report.interrupted:
        terminal.line(f"interrupted: {len(report.results)} of {len(selected)} were done")
        return _INTERRUPTED
    return exit_status(report.results, no_skip=arguments.no_skip)


def predict(arguments: Namespace) -> int:
    """Print what the model says of the selected units; 1 when an author's pin does not hold in it."""
    selection = _selection(arguments)
    _kernel(arguments)
    selected = units(load(arguments.scenarios, LIBRARY), selection)
    predictions = [(unit, predict_case(unit.case, unit.api, unit.arch)) for unit in selected]
    terminal = _human(arguments)
    failed = False
    for unit, trace in predictions:
        if not arguments.json:
            terminal.prediction(unit, trace)
        for difference in pins(unit, trace, "the model says"):
            terminal.broken_pin(unit, difference)
            failed = True
    if arguments.json:
        json.write(json.predict_document(predictions, trace=arguments.trace), arguments.json)
    return 1 if failed else 0


def list_scenarios(arguments: Namespace) -> int:
    """Print the scenarios, one a line, with what they are about."""
    scenarios = load(arguments.scenarios, LIBRARY)
    known = sorted({tag for scenario in scenarios for tag in scenario.tags})
    for tag in arguments.tag:
        if tag not in known:
            raise UsageError(f"unknown tag `{tag}`", hint=f"there is: {', '.join(known) or 'none'}")
    shown = [scenario for scenario in scenarios if not arguments.tag or set(arguments.tag) & set(scenario.tags)]
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
    scenarios = load(arguments.scenarios, LIBRARY)
    cases = sum(len(scenario.cases) for scenario in scenarios)
    Terminal(sys.stdout).line(f"{len(scenarios)} scenarios with {cases} cases are well formed")
    return 0


def setup(arguments: Namespace) -> int:
    """Fetch and build what guests need."""
    kernel = _kernel(arguments)
    store = cache.Cache(cache.default_root(), Progress())
    arches = [arch for arch in PERSONALITIES if arch in kernel.flavours]
    prepared = images.prepare(store, kernel, arches, offline=arguments.offline, update=arguments.update)
    for arch, installed in prepared.kernels.items():
        store.progress.say(
            f"{arch}: {installed.name} is Linux {installed.release.release} ({installed.release.version})"
        )
    store.progress.say(f"ready in {store.root}, programs of the tool root run by {prepared.sandbox.name}")
    return 0


def test(arguments: Namespace) -> int:
    """Replace this process by tox, which runs the linters and the tests."""
    if find_spec("tox") is None:
        raise SetupError("tox is not installed in this environment", hint="./lazymmu test installs it")
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
