# SPDX-License-Identifier: GPL-2.0-only
"""What many runs show together: which cases are flaky, since when cases fail, and what became slower or faster."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby, pairwise
from math import log
from statistics import fmean, median
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta, Struct

from lazymmu.results.result import FAILED, Outcome

Time = Annotated[datetime, Meta(tz=True)]

#: Letter -> what became of a case in a run, the worst first.
LETTERS = {"f": "fail", "e": "error", "k": "known", "y": "flaky", "s": "skip", "p": "pass", "-": "not run"}
_LETTER = {name: letter for letter, name in LETTERS.items()}
#: A change of a time is clear if so many values are on each side, and their medians differ by this factor.
_ON_EACH_SIDE, _FACTOR = 5, 1.5
#: An outcome that changed once and is the same in so many results since is not flaky.
_STAYED = 3
#: A smaller change of one case's time, in seconds, is of no interest.
_LEAST_SECONDS = 0.05
#: The arguments that decide outcomes, beside sources.
_DECIDING = ("transport", "isolation", "fresh_boot", "timeout_scale")
#: The arguments that say what to select from, or how to judge.
_NOT_SELECTING = ("known", "timings", "words")


class Host(Struct, frozen=True):
    """A machine that ran lazymmu."""

    name: str
    cpus: int | None = None


class Kernel(Struct, frozen=True):
    """The kernel of a machine."""

    release: str
    version: str


class Accelerator(Struct, frozen=True):
    """How a machine was emulated."""

    name: str


class Part(Struct, frozen=True, kw_only=True):
    """What a merged run says of one of its shards."""

    command: tuple[str, ...]
    host: Host
    started: Time
    finished: Time | None = None

    def key(self) -> tuple[str, ...]:
        """Return what identifies the run, wherever its folder is."""
        return (self.started.isoformat(), self.host.name, *self.command)

    def seconds(self) -> float:
        """Return its wall time."""
        return (self.finished - self.started).total_seconds() if self.finished else 0.0


class RunFacts(Part, frozen=True, kw_only=True):
    """What the history needs of `run.json`."""

    schema: Literal[1] = 1
    program: Literal["lazymmu"]
    status: int | None = None
    commit: str | None = None
    qemu: str | None = None
    sources: Mapping[str, str] = {}
    kernels: Mapping[str, Kernel] = {}
    accelerators: Mapping[str, Accelerator] = {}
    arguments: Mapping[str, Any] = {}
    #: Scenario's name -> the digest of its file.
    scenario_digests: Mapping[str, str] = {}
    merged: tuple[Part, ...] = ()

    def conditions(self, machine: str) -> dict[str, str]:
        """Return what decides outcomes on a machine, except for scenarios, by names for a person."""
        kernel = self.kernels.get(machine)
        arguments = {name: self.arguments.get(name) for name in _DECIDING}
        return {
            **{name: value for name, value in self.sources.items() if name != self.arguments.get("known")},
            "kernel": f"{kernel.release} {kernel.version}" if kernel else "unknown",
            "QEMU": self.qemu or "unknown",
            **{f"--{name.replace('_', '-')}": str(value) for name, value in arguments.items()},
        }

    def host_of(self, machine: str) -> str:
        """Return what decides the speed of a machine."""
        name = self.accelerators[machine].name if machine in self.accelerators else "unknown"
        return f"{name}, {self.host.cpus or 'unknown'} processors"

    def wall(self) -> float:
        """Return the wall time of the run; of a merged one that of its longest shard."""
        return max(part.seconds() for part in self.merged or (self,))


class Sample(NamedTuple):
    """A result, as the index has it."""

    #: The number of the run, from 0, by time.
    run: int
    outcome: str
    known: str
    flaky: bool
    #: The digest of the scenario's file; empty if the run did not record it.
    text: str
    seconds: float
    reason: str

    @property
    def letter(self) -> str:
        """Its letter of LETTERS."""
        return _LETTER["flaky" if self.flaky else "known" if self.known else self.outcome]


class Case(Struct, frozen=True):
    """A unit with all its results, by time."""

    label: str
    machine: str
    samples: Sequence[Sample]


class Run(Struct, frozen=True):
    """One run."""

    started: Time
    seconds: float
    command: str
    status: int | None
    commit: str | None
    host: str
    folder: str
    #: Outcome -> how many; `known` and `flaky` are outcomes of their own.
    outcomes: Mapping[str, int]


class Flaky(Struct, frozen=True):
    """A case with different outcomes under equal conditions."""

    unit: str
    failed: int
    of: int
    last_failed: Time
    #: A letter of LETTERS for each run.
    outcomes: str


class Failing(Struct, frozen=True):
    """A case that failed in its last run."""

    unit: str
    outcome: str
    reason: str
    known: str
    #: The first run that failed after the last one that passed; `passed` is null if none did.
    since: Time
    since_commit: str | None
    passed: Time | None
    passed_commit: str | None
    #: What differs between these two runs.
    changed: tuple[str, ...]
    outcomes: str


class Shift(Struct, frozen=True):
    """A clear change of a figure. The numbers are medians."""

    since: Time
    before: float
    after: float


class Trend(Struct, frozen=True):
    """A figure by time."""

    kind: Literal["run", "machine", "case", "bench"]
    name: str
    unit: str
    points: tuple[tuple[Time, float], ...]
    shift: Shift | None


class History(Struct, frozen=True):
    """What the runs show together, for reports; also the JSON document, without its schema number."""

    runs: tuple[Run, ...]
    #: How many runs in these folders did not end; nothing here counts them.
    unfinished: int
    #: How many cases have results.
    cases: int
    flaky: tuple[Flaky, ...]
    failing: tuple[Failing, ...]
    #: Of cases, only those with a clear change.
    trends: tuple[Trend, ...]


def history(
    facts: Sequence[RunFacts],
    folders: Sequence[str],
    cases: Sequence[Case],
    bench: Iterable[Trend],
    *,
    unfinished: int,
) -> History:
    """Return the history of these runs, which are sorted by time."""
    outcomes = [Counter[str]() for _ in facts]
    flaky, failing = [], []
    for case in cases:
        for sample in case.samples:
            outcomes[sample.run][LETTERS[sample.letter]] += 1
        now = [one for one in case.samples if one.outcome != Outcome.SKIP]
        states = _flaky_states(facts, case.machine, now)
        if states:
            flaky.append(_flaky(facts, case, [one for one in now if _state(facts, case.machine, one) in states]))
        if now and _fails(now[-1]):
            failing.append(_failing(facts, case, now))
    runs = tuple(
        Run(one.started, one.wall(), " ".join(one.command), one.status, one.commit, one.host.name, folder, count)
        for one, folder, count in zip(facts, folders, outcomes, strict=True)
    )
    flaky.sort(key=lambda one: one.last_failed, reverse=True)
    failing.sort(key=lambda one: one.since, reverse=True)
    trends = (*_walls(facts), *_times(facts, cases), *bench)
    return History(runs, unfinished, len(cases), tuple(flaky), tuple(failing), trends)


def _fails(sample: Sample) -> bool:
    return sample.outcome in FAILED and not sample.flaky


def _outcomes(facts: Sequence[RunFacts], samples: Iterable[Sample]) -> str:
    """Return a letter for each run, for its worst result."""
    letters = ["-"] * len(facts)
    worst_first = "".join(LETTERS)
    for one in samples:
        letters[one.run] = min(letters[one.run], one.letter, key=worst_first.index)
    return "".join(letters)


# Flaky cases


def _state(facts: Sequence[RunFacts], machine: str, sample: Sample) -> tuple[object, ...]:
    """Return what must be equal for outcomes to be equal."""
    return (sample.text, *facts[sample.run].conditions(machine).values())


def _flaky_states(facts: Sequence[RunFacts], machine: str, samples: Sequence[Sample]) -> set[tuple[object, ...]]:
    """Return the states in which the outcome was not always the same.

    The commit of lazymmu is no part of a state, because most commits change no outcome. So an outcome that changed
    once is not flaky if that was from one commit to another, or if it has stayed since.
    """
    if not any(one.flaky for one in samples) and len({one.outcome for one in samples}) < 2:
        return set()
    by_state: dict[tuple[object, ...], list[Sample]] = {}
    for one in samples:
        by_state.setdefault(_state(facts, machine, one), []).append(one)
    return {state for state, some in by_state.items() if _is_flaky(facts, some)}


def _is_flaky(facts: Sequence[RunFacts], samples: Sequence[Sample]) -> bool:
    changes = [at for at in range(1, len(samples)) if samples[at].outcome != samples[at - 1].outcome]
    if len(changes) != 1 or any(one.flaky for one in samples):
        return len(changes) > 1 or any(one.flaky for one in samples)
    before, after = samples[changes[0] - 1 : changes[0] + 1]
    is_one_commit = facts[before.run].commit == facts[after.run].commit
    return before.run == after.run or (is_one_commit and len(samples) - changes[0] < _STAYED)


def _flaky(facts: Sequence[RunFacts], case: Case, samples: Sequence[Sample]) -> Flaky:
    failed = [one for one in samples if one.outcome != Outcome.PASS]
    last = facts[failed[-1].run].started
    return Flaky(case.label, len(failed), len(samples), last, _outcomes(facts, case.samples))


# Failing cases


def _failing(facts: Sequence[RunFacts], case: Case, samples: Sequence[Sample]) -> Failing:
    """Return since when a case fails; a run passed if no result of it failed."""
    of_runs = [list(some) for _, some in groupby(samples, key=lambda one: one.run)]
    first = of_runs[0]
    passed: list[Sample] | None = None
    for before, after in pairwise(of_runs):
        if not any(map(_fails, before)) and any(map(_fails, after)):
            first, passed = after, before
    last, since = next(one for one in of_runs[-1] if _fails(one)), facts[first[0].run]
    earlier = facts[passed[0].run] if passed else None
    changed: list[str] = []
    if passed and earlier:
        changed += _changed(earlier.conditions(case.machine), since.conditions(case.machine))
        changed += ["the scenario"] if passed[0].text != first[0].text else []
    return Failing(
        unit=case.label,
        outcome=last.outcome,
        reason=last.reason,
        known=last.known,
        since=since.started,
        since_commit=since.commit,
        passed=earlier.started if earlier else None,
        passed_commit=earlier.commit if earlier else None,
        changed=tuple(changed),
        outcomes=_outcomes(facts, case.samples),
    )


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old != new:
            is_version = name.startswith(("--", "kernel", "QEMU"))
            yield f"{name} {old} -> {new}" if is_version else name


# Trends


def _walls(facts: Sequence[RunFacts]) -> Iterator[Trend]:
    """Yield the wall times of runs with the same arguments on the same kind of host."""
    groups: defaultdict[tuple[str, ...], list[RunFacts]] = defaultdict(list)
    for one in facts:
        if one.status not in (0, 1):
            continue  # it may have ended early
        selecting = {name: value for name, value in one.arguments.items() if name not in _NOT_SELECTING}
        hosts = [f"{machine}: {one.host_of(machine)}" for machine in sorted(one.accelerators)]
        groups[(str(selecting), *hosts)].append(one)
    for some in groups.values():
        yield trend("run", " ".join(some[-1].command), "s", [(one.started, one.wall()) for one in some])


def _times(facts: Sequence[RunFacts], cases: Sequence[Case]) -> Iterator[Trend]:
    """Yield the times of machines, relative to the median of each case, and those of cases that changed on their own.

    The relative time of a machine in a run is the median of those of its cases, whichever these are. The time of a case
    is divided by it, so that a slow host is said once, and not of each case.
    """
    usual: dict[str, float] = {}
    relative: defaultdict[tuple[str, str], defaultdict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    timed = {
        case.label: [one for one in case.samples if one.outcome == Outcome.PASS and one.seconds > 0] for case in cases
    }
    for case in cases:
        if samples := timed[case.label]:
            usual[case.label] = median(one.seconds for one in samples)
            for one in samples:
                place = (case.machine, facts[one.run].host_of(case.machine))
                relative[place][one.run].append(one.seconds / usual[case.label])
    speeds = {place: {run: median(some) for run, some in sorted(runs.items())} for place, runs in relative.items()}
    for (machine, host), runs in speeds.items():
        points = [(facts[run].started, value) for run, value in runs.items()]
        yield trend("machine", f"{machine} ({host})", "times", points)
    for case in cases:
        points = [
            (facts[run].started, fmean(one.seconds for one in some) / speed)
            for run, found in groupby(timed[case.label], key=lambda one: one.run)
            if (some := [*found]) and (speed := speeds[case.machine, facts[run].host_of(case.machine)][run])
        ]
        found_trend = trend("case", case.label, "s", points, least=_LEAST_SECONDS)
        if found_trend.shift:
            yield found_trend


def trend(
    kind: Literal["run", "machine", "case", "bench"],
    name: str,
    unit: str,
    points: Sequence[tuple[datetime, float]],
    *,
    least: float = 0.0,
) -> Trend:
    """Return the trend of a figure; a change by less than `least` is not clear."""
    found = _shift([value for _, value in points])
    shift = None
    if found is not None and abs(found[2] - found[1]) >= least:
        shift = Shift(points[found[0]][0], *found[1:])
    return Trend(kind, name, unit, tuple(points), shift)


def _shift(values: Sequence[float]) -> tuple[int, float, float] | None:
    """Return where the level of some values changed most, and the medians before and after; None if that is not clear.

    The place is where the sum of deviations from the mean is farthest from 0 (Page's CUSUM, on logarithms). It is clear
    if there are enough values, the medians differ by a factor, and only a tenth of the values on each side may overlap.
    """
    if len(values) < 2 * _ON_EACH_SIDE or min(values) <= 0:
        return None
    logs = [log(value) for value in values]
    mean, total, sums = fmean(logs), 0.0, []
    for one in logs:
        total += one - mean
        sums.append(abs(total))
    at = max(range(_ON_EACH_SIDE, len(values) - _ON_EACH_SIDE + 1), key=lambda number: sums[number - 1])
    low, high = sorted((sorted(values[:at]), sorted(values[at:])), key=median)
    if median(high) < _FACTOR * median(low) or low[len(low) * 9 // 10] >= high[len(high) // 10]:
        return None
    return at, median(values[:at]), median(values[at:])
