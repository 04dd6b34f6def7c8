# SPDX-License-Identifier: GPL-2.0-only
"""Mutants: implementations with one mistake (guest/module/mutants), and the scenarios that notice it."""

import re
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import chain, cycle, product
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from lazymmu.architecture import DEFAULT_KERNEL, architectures, chosen
from lazymmu.provision import catalogue
from lazymmu.provision import setup as images
from lazymmu.provision.builds import Variant, Variants
from lazymmu.provision.setup import Images
from lazymmu.reports.terminal import Terminal
from lazymmu.results.result import FAILED, Outcome, Result, Unit
from lazymmu.scenario import load
from lazymmu.session import requests
from lazymmu.session.scheduler import Options, Schedule
from lazymmu.session.selection import Selection, units
from lazymmu.subject.case import Scenario
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import DEFAULT_REVISIONS, REVISIONS
from lazymmu.support.errors import LazymmuError, UsageError
from lazymmu.support.interrupts import Interrupts
from lazymmu.support.lists import some_of
from lazymmu.support.project import MODULE_SOURCE
from lazymmu.support.suggestions import suggestion

SOURCE = MODULE_SOURCE / "mutants"
_WORDS = r'("[^"]*"|\w+)'
# M(NAME, "what is wrong", revisions, personalities, ...): the last two are words in quotes, or a macro for such words.
_ENTRY = re.compile(rf'^\tM\((\w+), "([^"]+)",\s+{_WORDS},\s+{_WORDS},', re.MULTILINE)
_MACRO = re.compile(r'^#define (\w+)\s+("[^"]*")$', re.MULTILINE)
_WORD = re.compile(r"[a-z0-9]{3,}")
# Scenarios named for a mutant that many notice.
_NAMED = 4


class Mutant(Struct, frozen=True):
    """One mistake."""

    name: str
    #: What is wrong, in a few words.
    what: str
    #: The revisions and personalities that have the mistake.
    apis: tuple[str, ...]
    arches: tuple[str, ...]

    def concerns(self, unit: Unit) -> bool:
        """Return whether the unit runs code with the mistake."""
        return unit.api in self.apis and unit.personality in self.arches


#: The same build with no mutant switched on: it must pass.
NONE = Mutant("none", "no mistake", tuple(REVISIONS), tuple(PERSONALITIES))


def known(source: Path = SOURCE) -> dict[str, Mutant]:
    """Return the mutants by name, in the order of the C files. Raises LazymmuError for an entry that it cannot read."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(source.glob("*.[ch]"))}
    macros = dict(_MACRO.findall("\n".join(texts.values())))
    found: dict[str, Mutant] = {}
    for path, text in texts.items():
        entries = _ENTRY.findall(text)
        if len(entries) != text.count("\tM("):
            raise LazymmuError(f'{path}: a mutant is not M(NAME, "what", revisions, personalities, ...)')
        for name, what, apis, arches in entries:
            revisions = _named(path, name, macros.get(apis, apis), REVISIONS)
            personalities = _named(path, name, macros.get(arches, arches), PERSONALITIES)
            found[name] = Mutant(name, what, revisions, personalities)
    if not found:
        raise LazymmuError(f"{source}: there are no mutants")
    return found


def selected(scenarios: Sequence[Scenario], selection: Selection) -> list[Unit]:
    """Return the units to run: each guest has its own personality, and they share those that none of them has."""
    own = {arch: architectures()[arch].personality for arch in chosen(selection.arches)}
    found = [unit for unit in units(scenarios, selection) if unit.personality == own[unit.arch]]
    others = [personality for personality in PERSONALITIES if personality not in own.values()]
    for personality, arch in zip(others, cycle(own), strict=False):
        with suppress(UsageError):  # no scenario applies to it
            found += units(scenarios, replace(selection, arches=(arch,), personality=personality))
    return [replace(unit, index=index) for index, unit in enumerate(found)]


def _named(path: Path, mutant: str, words: str, catalogue: Mapping[str, object]) -> tuple[str, ...]:
    chosen = [*catalogue] if words == '"all"' else words.strip('"').split()
    unknown = [word for word in chosen if word not in catalogue]
    if unknown or not chosen:
        raise LazymmuError(f"{path}: mutant {mutant} names {words}", hint=f"known are: {', '.join(catalogue)}")
    return tuple(name for name in catalogue if name in chosen)


class Trial(Struct):
    """The results of one mutant so far."""

    mutant: Mutant
    #: The indices of the units that ran against it.
    tried: set[int] = field(default_factory=set)
    #: The scenarios that noticed it, each with the architectures on which it did.
    killers: dict[str, list[str]] = field(default_factory=dict)
    errors: list[Result] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "mutant": self.mutant.name,
            "what": self.mutant.what,
            "killed": bool(self.killers),
            "ran": len(self.tried),
            "killers": self.killers,
            "errors": [{"unit": result.label(), "reason": result.reason} for result in self.errors],
        }


#: Of units that have this in common, one failure is enough; NOTHING: all are to run.
ARCH, SCENARIO, NOTHING = "arch", "scenario_name", ""
#: Runs units against a mutant and returns the results in their order. Its last argument is one of these three.
Runner = Callable[[Mutant, Sequence[Unit], str], Sequence[Result]]


def runner(images: Images, interrupts: Interrupts) -> Runner:
    """Return a Runner with guests. It raises KeyboardInterrupt after an interrupt."""

    def run_units(mutant: Mutant, units: Sequence[Unit], common: str) -> Sequence[Result]:
        ended: dict[int, Result] = {}
        killed: set[str] = set()

        def finished(result: Result) -> None:
            ended[result.number] = result
            if common and result.outcome is Outcome.FAIL:
                killed.add(getattr(result, common))

        def is_needed(unit: Unit) -> bool:
            return not common or getattr(unit, common) not in killed

        # A second guest of the only machine would cost more than the few units until its first failure.
        is_short = common == ARCH and len({unit.machine for unit in units}) == 1
        options = Options(variants=Variants(variant(mutant)), jobs=1 if is_short else None)
        Schedule(units, {images.name: images}, options, finished, is_needed=is_needed).run(interrupts)
        if interrupts.came:
            raise KeyboardInterrupt
        return [ended[unit.index] for unit in units if unit.index in ended]

    return run_units


def variant(mutant: Mutant) -> Variant:
    """Return the module's build with all mutants, of which it loads this one."""
    return Variant(("LMM_MUTANTS=y",), "" if mutant is NONE else f"mutant={mutant.name}")


def _attempt(trial: Trial, units: Sequence[Unit], run_units: Runner, common: str) -> None:
    """Run the units that have not run against the mutant yet, and add their results."""
    new = [unit for unit in units if unit.index not in trial.tried]
    for result in run_units(trial.mutant, new, common) if new else ():
        trial.tried.add(result.number)
        if result.outcome is Outcome.ERROR:
            trial.errors.append(result)
        elif result.outcome is Outcome.FAIL:
            arches = trial.killers.setdefault(result.scenario_name, [])
            arches += [result.arch] if result.arch not in arches else []


def likeness(mutant: Mutant, texts: Collection[str]) -> dict[str, float]:
    """Return how well each text fits the mistake: it has words of the mutant, and few other texts have them."""
    about = {text: _words(text) for text in texts}
    often = Counter(chain.from_iterable(about.values()))
    words = _words(f"{mutant.name} {mutant.what}")
    return {text: sum(1 / often[word] for word in words & found) for text, found in about.items()}


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _likely_first(mutant: Mutant, units: Sequence[Unit]) -> list[Unit]:
    """Return units in another order: first the guests' own personalities, and scenarios that fit the mistake."""
    about = {unit.scenario: f"{unit.scenario.name} {unit.scenario.description}" for unit in units}
    fits = likeness(mutant, about.values())
    return sorted(units, key=lambda unit: (unit.given_personality is None, fits[about[unit.scenario]]), reverse=True)


def hunt(mutant: Mutant, units: Sequence[Unit], run_units: Runner, *, full: bool) -> Trial:
    """Run the units that a mutant concerns; without `full`, each architecture stops at its first failure."""
    trial = Trial(mutant)
    concerned = [*filter(mutant.concerns, units)]
    _attempt(trial, _likely_first(mutant, concerned), run_units, NOTHING if full else ARCH)
    return trial


def idle(units: Sequence[Unit], trials: Sequence[Trial], run_units: Runner) -> list[str]:
    """Return the scenarios that notice no mutant, after trying those on all mutants; in the order of the units."""
    killing = {name for trial in trials for name in trial.killers}
    # First with few units: most scenarios notice a mutant under any personality in a usual revision.
    for few, trial in product((True, False), trials):
        left = [unit for unit in units if unit.scenario.name not in killing and trial.mutant.concerns(unit)]
        if few:
            usual = trial.mutant.arches[0]
            left = [unit for unit in left if unit.personality == usual and unit.api in DEFAULT_REVISIONS]
        _attempt(trial, left, run_units, SCENARIO)
        killing.update(trial.killers)
    return [name for name in dict.fromkeys(unit.scenario.name for unit in units) if name not in killing]


@requests.shared_cache()
def mutants(arguments: Namespace) -> int:
    """Run the library against each mutant; 1 when one survives."""
    every = _chosen(arguments.mutant)
    scenarios = load(arguments.scenarios, requests.library())
    some = selected(scenarios, requests.selection(arguments, apis=("all",)))
    terminal, write_json = requests.outputs(arguments)
    if arguments.list:
        for mutant in every:
            terminal.line(f"{mutant.name}: {mutant.what} ({', '.join(mutant.apis)}; {', '.join(mutant.arches)})")
        return 0
    arches = list(dict.fromkeys(unit.arch for unit in some))
    prepared = images.prepare(requests.cache(), catalogue.kernel(DEFAULT_KERNEL), arches)
    begin = time.monotonic()
    trials: list[Trial] = []
    with Interrupts.noted() as interrupts:
        ran = runner(prepared, interrupts)
        _check_control(some, every, ran)
        for mutant in every:
            trials.append(hunt(mutant, some, ran, full=arguments.full))
            _tell(terminal, trials[-1])
        lazy = idle(some, trials, ran)
    survivors = [trial for trial in trials if not trial.killers]
    if lazy:
        terminal.line(f"scenarios that notice none of these: {', '.join(lazy)}")
    total = f"{len(trials) - len(survivors)} of {len(trials)} mutants killed"
    terminal.line(f"{total} in {time.monotonic() - begin:.0f} s", "bold red" if survivors else "bold green")
    write_json({"mutants": [trial.to_json() for trial in trials], "idle": lazy})
    return 1 if survivors else 0


def _chosen(names: Sequence[str]) -> list[Mutant]:
    every = known()
    for name in names:
        if name not in every:
            hint = "`lazymmu mutants --list` names them"
            raise UsageError(f"unknown mutant `{name}`{suggestion(name, every)}", hint=hint)
    return [mutant for name, mutant in every.items() if not names or name in names]


def _check_control(selected: Sequence[Unit], chosen: Sequence[Mutant], ran: Runner) -> None:
    """Raise LazymmuError if units that a mutant concerns fail without one; usual revisions are enough if there are."""
    concerned = [unit for unit in selected if any(mutant.concerns(unit) for mutant in chosen)]
    control = [unit for unit in concerned if unit.api in DEFAULT_REVISIONS] or concerned
    wrong = [result for result in ran(NONE, control, NOTHING) if result.outcome in FAILED]
    if wrong:
        named = ", ".join(result.label() for result in wrong[:_NAMED])
        raise LazymmuError(
            f"without a mutant, {len(wrong)} of {len(control)} do not pass: {named}: {wrong[0].reason}",
            hint="`lazymmu run` says more; mutants can be judged only where everything else passes",
        )


def _tell(terminal: Terminal, trial: Trial) -> None:
    name = trial.mutant.name
    if trial.killers:
        arches = list(dict.fromkeys(arch for found in trial.killers.values() for arch in found))
        terminal.line(f"killed    {name} by {some_of(list(trial.killers), _NAMED)} on {', '.join(arches)}")
    else:
        terminal.line(f"SURVIVED  {name}: {trial.mutant.what} ({len(trial.tried)} units ran)", "bold red")
    for result in trial.errors[:_NAMED]:
        terminal.line(f"    error {result.label()}: {result.reason}", "bold magenta")
