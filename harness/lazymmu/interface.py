# SPDX-License-Identifier: GPL-2.0-only
"""What the package offers to Python programs, under the names in `lazymmu.__all__`.

Scenarios are given as on the command line: a name in the library, a file or a folder; none means the whole library. But
for `load`, a Scenario will do, too.
`arch`, `api`, `tag`, `impl` and `kernel` are the flags of those names: one name or several, none means the default.
`personality` is the flag of that name: one, or None.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Self

from msgspec import Struct

from lazymmu.architecture import DEFAULT_KERNEL, architecture
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.machine import Machine
from lazymmu.guests.machine import prepare as prepare_machine
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.transports import DEFAULT, TRANSPORTS
from lazymmu.provision import catalogue, setup
from lazymmu.provision.cache import Cache
from lazymmu.results.result import Difference, Outcome, Result, Unit
from lazymmu.scenario import load as load_scenarios
from lazymmu.session import ISOLATIONS, prefetch, requests
from lazymmu.session.plan import prepare, without_implementation
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.session.requests import shared_cache
from lazymmu.session.scheduler import Options, Schedule
from lazymmu.session.selection import Selection, units
from lazymmu.session.worker import Queue, Worker
from lazymmu.subject.case import Case, Scenario, Step
from lazymmu.subject.implementations import HEADER
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.trace import StepTrace, Trace
from lazymmu.support.errors import GuestError, LazymmuError, ScenarioError, SetupError, UsageError
from lazymmu.support.interrupts import Interrupts

__all__ = [
    "Case",
    "Difference",
    "Guest",
    "GuestError",
    "LazymmuError",
    "Outcome",
    "Prediction",
    "Result",
    "Scenario",
    "ScenarioError",
    "SetupError",
    "Step",
    "StepTrace",
    "Trace",
    "Unit",
    "UsageError",
    "load",
    "predict",
    "run",
]

_Name = str | PathLike[str]
_Given = _Name | Scenario
_Names = str | Iterable[str]


def load(*scenarios: _Name, library: _Name | None = None) -> tuple[Scenario, ...]:
    """Return scenarios, checked and sorted by name. Their cases are expanded at each access.

    `library` is a folder to use in place of the library: names are relative to it. Raises ScenarioError with every
    mistake in the files, and UsageError for a name that does not exist.
    """
    for name in scenarios:
        if not isinstance(name, str | PathLike):
            raise TypeError(f"load() takes names and paths of scenarios (str or os.PathLike), not {name!r}")
    folder = requests.library() if library is None else Path(library)
    return load_scenarios([fspath(name) for name in scenarios], folder)


class Prediction(Struct, frozen=True):
    """A unit and its trace by the model."""

    unit: Unit
    trace: Trace


def predict(
    *scenarios: _Given,
    arch: _Names = (),
    api: _Names = (),
    tag: _Names = (),
    exclude: _Names = (),
    impl: _Names = (),
    kernel: _Names = (),
    personality: str | None = None,
) -> tuple[Prediction, ...]:
    """Return what the model predicts for each unit, as `lazymmu predict` prints it. No guest runs.

    Raises what `load` raises, and UsageError if a flag names what does not exist or if nothing is selected.
    """
    selected = units(_scenarios(scenarios), _selection(arch, api, tag, exclude, impl, kernel, personality))
    return tuple(Prediction(unit, PreparedUnit(unit).prediction) for unit in selected)


def run(
    *scenarios: _Given,
    arch: _Names = (),
    api: _Names = (),
    tag: _Names = (),
    exclude: _Names = (),
    impl: _Names = (),
    kernel: _Names = (),
    personality: str | None = None,
    transport: str = DEFAULT,
    isolation: str = "shared",
    jobs: int | None = None,
    fresh_boot: bool = False,
    timeout_scale: float = 1.0,
    offline: bool = False,
) -> tuple[Result, ...]:
    """Run units on guests, as `lazymmu run` does, and return their results in the order of `predict`.

    What is missing is fetched and built first, and announced on standard error. No results folder is written. A guest
    that dies or hangs is an error in the results, not an exception.

    Raises what `predict` raises, SetupError if guests are not available, and KeyboardInterrupt after the guests end.
    """
    if isolation not in ISOLATIONS:
        raise UsageError(f"unknown isolation `{isolation}`", hint=f"there is: {', '.join(ISOLATIONS)}")
    selection = _selection(arch, api, tag, exclude, impl, kernel, personality)
    selected = units(_scenarios(scenarios), selection)
    with shared_cache(), Interrupts.noted() as interrupts:
        preparation = prepare(selected, selection, prefetch.sandbox(), offline=offline)
        results = [*preparation.unavailable]
        images = list(preparation.images.values())
        options = Options(
            timeout_scale=timeout_scale,
            isolation=isolation,
            fresh_boot=fresh_boot,
            jobs=jobs,
            transport=TRANSPORTS.pick(transport).create(images, offline=offline),
        )
        Schedule(preparation.runnable, preparation.images, options, results.append).run(interrupts)
    if interrupts.came:
        raise KeyboardInterrupt
    return tuple(sorted(results, key=lambda result: result.number))


class Guest:
    """A guest with the module loaded, for the length of a `with`; it runs any number of scenarios.

    with lazymmu.Guest("s390x") as guest:
        results = guest.run("nesting/single", api="merged")

    The guest ends with the thread that entered the `with`.
    """

    def __init__(
        self,
        arch: str,
        *,
        kernel: str = DEFAULT_KERNEL,
        transport: str = DEFAULT,
        fresh_boot: bool = False,
        timeout_scale: float = 1.0,
        offline: bool = False,
    ) -> None:
        """Take the values of the flags with these names. Raises UsageError for a name that does not exist."""
        self.arch = architecture(arch).name
        self.kernel = catalogue.kernel(kernel).name
        chosen = TRANSPORTS.pick(transport)

        def prepared(cache: Cache) -> Machine:
            images = setup.prepare(cache, catalogue.kernel(self.kernel), [self.arch], offline=offline)
            ready = chosen.create([images], offline=offline)
            return prepare_machine(images, self.arch, timeout_scale, self._guests, transport=ready)

        self._prepared = prepared
        self._restore = not fresh_boot
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start the guest. Raises SetupError if it is not available, GuestError if it does not start."""
        self._guests = RunningGuests()
        cache = requests.cache()
        with ExitStack() as stack:
            stack.enter_context(shared_cache())
            stack.callback(self._guests.close)
            self._machine = cache.tools.in_thread(partial(self._prepared, cache))
            self._pool = stack.enter_context(_HeldGuest(self._machine, self._guests, restore=self._restore))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End the guest."""
        self._stack.close()

    @property
    def release(self) -> str:
        """The kernel's release, as `uname -r` prints it in the guest."""
        return self._pool.connection.release

    @property
    def connection(self) -> AgentConnection:
        """The connection to the guest's agent. It is not part of the stable interface."""
        return self._pool.connection

    def run(
        self,
        *scenarios: _Given,
        api: _Names = (),
        tag: _Names = (),
        exclude: _Names = (),
        impl: _Names = (),
        personality: str | None = None,
    ) -> tuple[Result, ...]:
        """Run units on this guest, and return their results in the order of `predict`.

        If the guest dies or hangs, the unit that it ran is an error, and another guest takes its place. Raises what
        `predict` raises.
        """
        selection = _selection(self.arch, api, tag, exclude, impl, self.kernel, personality)
        selected = units(_scenarios(scenarios), selection)
        results = [result for unit in selected if (result := without_implementation(unit, selection))]
        unavailable = {result.number for result in results}
        queue = Queue([unit for unit in selected if unit.index not in unavailable], 1)
        Worker(self._machine, self._pool, self._guests, queue, results.append).run()
        # After a warning that a scenario allows, or a result that is not a pass, the guest may not be clean.
        self._pool.is_clean = all(result.outcome is Outcome.PASS for result in results) and not any(
            unit.scenario.kernel_warnings for unit in selected
        )
        return tuple(sorted(results, key=lambda result: result.number))


class _HeldGuest(GuestPool):
    """A pool that keeps its guest for the next run, as long as it is clean."""

    connection: AgentConnection

    def __init__(self, machine: Machine, guests: RunningGuests, *, restore: bool) -> None:
        super().__init__(machine, guests, lambda _: None, restore=restore)
        self._current = ExitStack()
        #: Whether the next unit may run on this guest.
        self.is_clean = False

    def __enter__(self) -> Self:
        with self.ready():
            self.is_clean = True
        return self

    def __exit__(self, *_: object) -> None:
        self._current.close()

    @contextmanager
    def ready(self, ahead: object = None) -> Iterator[AgentConnection]:
        """Yield the guest, or another one if it is not clean. A run decides if it is clean afterwards."""
        if not self.is_clean:
            self._current.close()
            self.connection = self._current.enter_context(super().ready())
        self.is_clean = False
        yield self.connection


def _scenarios(given: Sequence[_Given]) -> tuple[Scenario, ...]:
    loaded = [one for one in given if isinstance(one, Scenario)]
    names = [one for one in given if not isinstance(one, Scenario)]
    return (*loaded, *(load(*names) if names or not loaded else ()))


def _selection(
    arch: _Names, api: _Names, tag: _Names, exclude: _Names, impl: _Names, kernel: _Names, personality: str | None
) -> Selection:
    arches, apis, tags, excluded, kernels, impls = (
        (names,) if isinstance(names, str) else tuple(names) for names in (arch, api, tag, exclude, kernel, impl)
    )
    if HEADER in impls:
        raise UsageError("the implementation `header` needs `lazymmu run --header FILE`")
    own = None if personality is None else PERSONALITIES.pick(personality).NAME
    return Selection(arches, apis, tags, excluded, kernels, impls, personality=own)
