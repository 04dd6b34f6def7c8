# SPDX-License-Identifier: GPL-2.0-only
"""The command `exhaust`: walks through every state of the API on guests, and compares each transition with the model.

The walks are cases like those of a scenario, so the runner and the verdict are the usual ones.
"""

import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from lazymmu.architecture import chosen
from lazymmu.reports.terminal import STYLES, Terminal
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.results.run_summary import of_text
from lazymmu.scenario import load
from lazymmu.session import header_run, prefetch, requests
from lazymmu.session.ending import exit_status
from lazymmu.session.plan import Preparation, prepare
from lazymmu.session.scheduler import Options, Schedule
from lazymmu.session.selection import Selection, chosen_apis, units
from lazymmu.subject.case import Scenario
from lazymmu.subject.implementations import HEADER, IMPLEMENTATIONS, MODULE, NATIVE
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.state_graph import INTERRUPT, StateGraph, Transition, Walks
from lazymmu.support.errors import INTERRUPTED, LazymmuError, UsageError
from lazymmu.support.interrupts import Interrupts

#: Steps of one walk: the traces of a few walks are in memory at the same time.
_LONGEST = 16_384

#: Calls in a scenario that are more than a word.
_FORMS = {"enable_with_ptes": "{enable_with_ptes: {index: 0, count: 1}}"}

#: Revision, implementation, architecture, kernel.
_Subject = tuple[str, str, str, str]


class _Trial(Struct):
    """What is known of one revision of one implementation on one machine."""

    first: Unit
    walks: Walks
    left: int
    outcome: Outcome = Outcome.PASS
    reason: str = ""
    #: The result of the first walk that did not pass.
    failed: Result | None = None
    transition: Transition | None = None
    file: Path | None = None
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def add(self, result: Result) -> None:
        """Take the result of one walk."""
        self.left -= 1
        self.seconds = time.monotonic() - self.begun
        if self.outcome is Outcome.PASS and result.outcome is not Outcome.PASS:
            self.outcome, self.reason, self.failed = result.outcome, result.reason, result

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        graph = self.walks.graph
        return {
            **{key: getattr(self.first, key) for key in ("api", "arch", "impl", "kernel")},
            "outcome": str(self.outcome),
            "reason": self.reason,
            "states": len(graph.next),
            "transitions": graph.transitions,
            "seconds": round(self.seconds, 3),
            "scenario": None if self.file is None else str(self.file),
        }


@requests.shared_cache()
def exhaust(arguments: Namespace) -> int:
    """Try every transition on each selected machine, and report it. Returns the exit status."""
    given = requests.selection(Namespace(**{**vars(arguments), "tag": [], "exclude": []}))
    header, selection = header_run.selected(arguments, given)
    folder = Path(arguments.out)
    if not folder.is_dir():
        raise UsageError(f"--out `{arguments.out}` is not a folder")
    terminal, write_json = requests.outputs(arguments)
    usual = () if selection.impls == (HEADER,) else chosen_apis(selection)
    native = IMPLEMENTATIONS[NATIVE].revisions if selection.natively else ()
    apis = dict.fromkeys((*usual, *selection.of_header, *native))
    selected = units([_scenario(api) for api in apis], selection)
    trials = _trials(selected)
    preparation = prepare(selected, selection, prefetch.sandbox(), offline=arguments.offline)
    variants = header_run.build(header, list(preparation.images.values()))
    options = Options(timeout_scale=arguments.timeout_scale, jobs=arguments.jobs, variants=variants)
    with Interrupts.noted() as interrupts:
        _run(preparation, options, trials, interrupts, terminal)
        if not interrupts.came:
            for trial in trials.values():
                _explain(trial, preparation, options, folder, selection, interrupts)
    for trial in trials.values():
        if trial.outcome is not Outcome.PASS:
            _tell(terminal, trial)
    executed = [one.first for one in trials.values() if one.outcome in header_run.EXECUTED and one.first.impl == HEADER]
    facts = header_run.account(header, {call for unit in executed for call in REVISIONS[unit.api].CALLS})
    for name, value in of_text(facts):
        terminal.line(f"{name}: {value}")
    write_json({"exhaust": [trial.to_json() for trial in trials.values()], **facts})
    if interrupts.came:
        return INTERRUPTED
    outcomes = [trial.outcome for trial in trials.values()]
    return exit_status({outcome: outcomes.count(outcome) for outcome in Outcome}, no_skip=True)


def _scenario(api: str) -> Scenario:
    """Return the walks of a revision as a scenario whose cases are made when they are needed."""
    walks: Any = Walks(StateGraph(REVISIONS[api]), f"exhaust-{api}", _LONGEST)
    every = tuple(chosen(("all",)))
    return Scenario(
        name="exhaust",
        path=f"exhaust-{api}",
        description=f"Every call in every state of {api}.",
        tags=(),
        kernel_warnings=True,
        apis=(api,),
        arches=every,
        cases=walks,
        native=every,
    )


def _subject(unit: Unit | Result) -> _Subject:
    return unit.api, unit.impl, unit.arch, unit.kernel


def _trials(selected: Sequence[Unit]) -> dict[_Subject, _Trial]:
    trials: dict[_Subject, _Trial] = {}
    for unit in selected:
        walks: Any = unit.scenario.cases
        trials.setdefault(_subject(unit), _Trial(unit, walks, len(walks)))
    return trials


def _run(
    preparation: Preparation,
    options: Options,
    trials: Mapping[_Subject, _Trial],
    interrupts: Interrupts,
    terminal: Terminal,
) -> None:
    """Run all walks; those of a subject end at the first that does not pass."""
    for result in preparation.unavailable:
        trials[_subject(result)].add(result)

    def finished(result: Result) -> None:
        trial = trials[_subject(result)]
        trial.add(result)
        if not trial.left and trial.outcome is Outcome.PASS:
            _tell(terminal, trial)

    def is_needed(unit: Unit) -> bool:
        trial = trials[_subject(unit)]
        if trial.left == len(trial.walks):
            trial.begun = time.monotonic()
        return trial.outcome is Outcome.PASS

    Schedule(preparation.runnable, preparation.images, options, finished, is_needed=is_needed).run(interrupts)


def _explain(
    trial: _Trial, preparation: Preparation, options: Options, folder: Path, selection: Selection, events: Interrupts
) -> None:
    """Find the transition of a trial's first difference, and write it as a scenario that fails, too.

    Raises LazymmuError if no scenario fails.
    """
    failed = trial.failed
    if trial.outcome is not Outcome.FAIL or failed is None or failed.predicted is None or failed.observed is None:
        return
    pairs = zip(failed.predicted.steps, failed.observed.steps, strict=False)
    step = next(predicted.index for predicted, observed in pairs if predicted != observed)
    trial.transition = transition = trial.walks.transition(int(failed.values["walk"]) - 1, step)
    impl = () if failed.impl == MODULE else (failed.impl,)
    trial.file = folder / f"{'-'.join(('exhaust', failed.api, *impl, failed.machine))}.yaml"
    narrowed = replace(selection, apis=(failed.api,), arches=(failed.arch,), kernels=(failed.kernel,))
    graph = trial.walks.graph
    # The shortest way to the state is not enough if the difference depends on more than the state.
    for words in ((*graph.way_to(transition.state), transition.word), transition.walk):
        trial.file.write_text(_text(trial, words), encoding="utf-8")
        again: list[Result] = []
        selected = units(load([str(trial.file)], requests.library()), narrowed)
        runnable = [unit for unit in selected if unit.impl == failed.impl]
        Schedule(runnable, preparation.images, options, again.append).run(events)
        if events.came or any(result.outcome is Outcome.FAIL for result in again):
            return
    raise LazymmuError(f"{trial.file}: passes, though this call failed in a walk: {failed.reason}")


def _text(trial: _Trial, words: Sequence[str]) -> str:
    """Return a scenario that makes these calls."""
    lines = [
        "# SPDX-License-Identifier: GPL-2.0-only",
        f"description: Found by `lazymmu exhaust`. The last call is wrong on {trial.first.machine}.",
        f"api: [{trial.first.api}]",
        "steps:",
    ]
    in_interrupt = f"{{interrupt: [{', '.join(_FORMS.get(call, call) for call in trial.walks.graph.calls)}]}}"
    for word, run in groupby(words):
        times, step = len([*run]), in_interrupt if word == INTERRUPT else _FORMS.get(word, word)
        lines.append(f"  - repeat: {{times: {times}, steps: [{step}]}}" if times > 1 else f"  - {step}")
    return "\n".join(lines) + "\n"


def _tell(terminal: Terminal, trial: _Trial) -> None:
    """Print the line of one revision on one machine, and what is wrong with it."""
    graph, style = trial.walks.graph, STYLES[trial.outcome]
    counted = f"{len(graph.next)} states, {graph.transitions} transitions, {trial.seconds:.1f} s"
    subject = f"{trial.first.under_test()} on {trial.first.machine}"
    terminal.line(f"{trial.outcome:5} {subject}: {counted}", style)
    if trial.outcome is not Outcome.PASS:
        terminal.line(f"    {trial.reason}")
    if trial.transition is not None:
        state = ", ".join(f"{name} {value}" for name, value in zip(graph.names, trial.transition.state, strict=True))
        terminal.line(f"    the call: {trial.transition.call}{trial.transition.where} with {state}")
        terminal.line(f"    as a scenario: {trial.file}")
