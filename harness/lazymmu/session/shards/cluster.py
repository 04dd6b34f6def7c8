# SPDX-License-Identifier: GPL-2.0-only
"""`run --on ADDRESS`: the shards of a run on a dask cluster that the user runs.

The scheduler gives each shard to a worker (`shard_task`), and to another one if that worker is lost. Nothing is started
and nothing listens here.
"""

import json
import logging
import os
import shutil
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from lazymmu.reports import results_folder
from lazymmu.reports.live import LiveView
from lazymmu.reports.results_folder import Folder
from lazymmu.results.result import Result, SavedUnit
from lazymmu.scenario.lookup import scenario_files
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.session import listed, requests
from lazymmu.session.plan import Plan
from lazymmu.session.selection import scenarios_of
from lazymmu.session.shards import merge, shard_folder, shard_task
from lazymmu.session.shards.shard_task import Order, Reply
from lazymmu.session.stopping import Stopping
from lazymmu.support.errors import LazymmuError, SetupError, UsageError
from lazymmu.support.interrupts import Interrupts
from lazymmu.support.lists import some_of
from lazymmu.support.project import IN_CHECKOUT, LIBRARY, ROOT

#: Seconds for the scheduler to answer, and to have a worker.
_LIMIT = 8.0
#: Seconds between two questions to the scheduler.
_LOOK = 1.0
#: So many shards for each thread of a worker, so that a lost worker costs little, if each then has so many cases:
#: every shard reads and predicts all scenarios.
_SHARDS_PER_THREAD = 4
_CASES_PER_SHARD = 2000
#: A message names so many files.
_NAMED = 3

#: Arguments that each shard gets as they are; those that select and those of files are apart.
PASSED = (
    *("transport", "isolation", "fresh_boot", "max_failures", "repeat", "retries", "shuffle", "trace"),
    *("timeout_scale", "no_skip", "offline", "known"),
)
#: Arguments that only the command itself needs.
OWN = ("on", "out", "quiet", "verbose", "install", "bisect", "max_time", "failed", "jobs")
#: Arguments that make no sense here.
REFUSED = ("resume", "shard", "save_plan", "watch", "tree", "keep_failed", "core")
#: Arguments whose files may be anywhere: nothing shows their names.
LISTS = ("plan", "failed_from", "timings")


def refuse(arguments: Namespace) -> None:
    """Raise UsageError for what cannot be given with --on."""
    for name in REFUSED:
        if getattr(arguments, name):
            raise UsageError(f"--on and --{name.replace('_', '-')} cannot be given together")
    if arguments.patch == "-":
        raise UsageError("--on needs a patch in a file, not --patch -")
    if own := [name for name in arguments.kernel or () if os.sep in name]:
        raise UsageError(f"--on and --kernel {own[0]} cannot be given together: workers have kernels by name")


def shard_count(cases: int, threads: int) -> int:
    """Return how many shards so many threads should get: a multiple, so that none is idle while the last ones run."""
    each = max(1, min(_SHARDS_PER_THREAD, cases // (threads * _CASES_PER_SHARD)))
    return max(1, min(cases, threads * each))


class Cluster:
    """A cluster that is ready to run the shards of a plan."""

    def __init__(self, client: Any, address: str, plan: Plan, folder: Folder, order: Order, threads: int) -> None:
        """Take a client that is connected, what the shards need, and how many threads its workers have."""
        self._client = client
        self._address = address
        self._plan = plan
        self._folder = folder
        self._order = order
        self._count = shard_count(len(plan.units), threads)
        self._scenarios = listed.digests(scenarios_of(plan.units))
        self._seen: set[int] = set()
        #: The run.json of each shard that has ended.
        self._facts: list[Mapping[str, Any]] = []
        self._kernels: dict[str, tuple[shard_folder.Shard, Any]] = {}
        self._first: shard_folder.Shard | None = None
        self._done: list[dict[str, Any]] = []
        self._failure: LazymmuError | None = None

    @property
    def status(self) -> str:
        """What to show while the run is under way."""
        return f"shards: {len(self._done)} of {self._count} have ended on {self._address}"

    @property
    def notes(self) -> list[str]:
        """What the report says beside results: nothing."""
        return []

    @property
    def log_failures(self) -> list[LazymmuError]:
        """Why not all shards have ended."""
        return [] if self._failure is None else [self._failure]

    @property
    def accelerators(self) -> dict[str, tuple[str, str]]:
        """Machine's name -> its accelerator and why that was chosen."""
        return merge.accelerators(self._facts)

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json says of the guests and of the shards."""
        return {**merge.versions(self._facts), "shards": self._done}

    def run(
        self, finished: Callable[[Result], None], _view: LiveView, interrupts: Interrupts, stopping: Stopping
    ) -> None:
        """Run all shards. `finished` gets each result. A failure or an interrupt ends them all.

        Raises LazymmuError if no shard has ended.
        """
        arrived: SimpleQueue[tuple[Any, Any]] = SimpleQueue()
        numbers = [f"{number}/{self._count}" for number in range(1, self._count + 1)]
        futures = self._client.map(shard_task.run_shard, numbers, order=self._order, pure=False)
        pending = dict(zip(futures, numbers, strict=True))
        threading.Thread(target=_collect, args=(futures, arrived, interrupts), name="cluster", daemon=True).start()
        answered = staffed = time.monotonic()
        try:
            while pending and not interrupts.came:
                interrupts.wait(_LOOK)
                while not arrived.empty() and not interrupts.came:
                    future, reply = arrived.get()
                    self._take(pending.pop(future), future, reply, finished)
                answered, staffed = self._look(answered, staffed)
            if not interrupts.came and len(self._seen) != len(self._plan.units):
                raise LazymmuError(f"the shards lack {len(self._plan.units) - len(self._seen)} of the cases")
        except LazymmuError as failure:
            if not self._done:
                raise
            self._failure = failure
            stopping.stop("the cluster failed")
        finally:
            # The scheduler forgets the shards of a client that is gone, and their workers then end them.
            self._client.close()

    def _look(self, answered: float, staffed: float) -> tuple[float, float]:
        """Ask the scheduler for its workers. Returns when it last answered, and when it last had any."""
        now = time.monotonic()
        try:
            threads = self._client.sync(self._client.scheduler.ncores, callback_timeout=_LOOK)
        except (OSError, TimeoutError):
            threads = None
        answered = answered if threads is None else now
        staffed = now if threads else staffed
        if now - answered > _LIMIT:
            raise SetupError(f"the scheduler {self._address} does not answer")
        if now - staffed > _LIMIT:
            raise SetupError(f"the scheduler {self._address} has no workers any more")
        return answered, staffed

    def _take(self, number: str, future: Any, reply: Any, finished: Callable[[Result], None]) -> None:
        """Take the results of a shard. Raises LazymmuError if they are not all there or do not fit."""
        title = f"shard {number}"
        if not isinstance(reply, Reply):
            if future.status == "error":
                raise SetupError(f"{title} could not be run: {future.exception()}")
            raise SetupError(f"the scheduler {self._address} is gone: {title} was not run")
        shown = f"{title} on {reply.worker} ({reply.host})"
        if not reply.results:
            output = "".join(f"\n    {line}" for line in reply.output.splitlines())
            kind = UsageError if reply.status == UsageError.exit_status else LazymmuError
            raise kind(f"{shown} has no results; it ended with status {reply.status}{output}")
        with TemporaryDirectory(prefix="lazymmu-shard-") as name:
            shard_task.unpack(reply.results, Path(name))
            facts = results_folder.ended(name, shown)
            # The worker has the file under another name.
            facts["arguments"]["timings"] = self._plan.arguments.timings
            one = shard_folder.Shard(shown, facts, Path(name))
            self._check_versions(one)
            if one.part["selected"] != len(self._plan.units) or one.part["scenarios"] != self._scenarios:
                raise SetupError(f"{shown} selected other cases than this command")
            for result, _ in shard_folder.read_results(one, []):
                self._check(shown, result)
                finished(result)
            if one.part["not_run"] and not one.facts.get("stopped"):
                raise LazymmuError(f"{shown} was interrupted")
            # With --max-failures, the others are not run, either.
            self._seen |= {unit.index for unit in msgspec.convert(one.part["not_run"], tuple[SavedUnit, ...])}
            logs = Path(name) / results_folder.GUESTS
            if logs.is_dir():
                shutil.copytree(logs, self._folder.guests / f"shard-{number.partition('/')[0]}")
        self._facts.append(one.facts)
        keys = ("host", "started", "finished", "status")
        self._done.append({"shard": number, "worker": reply.worker, **{key: one.facts[key] for key in keys}})

    def _check_versions(self, one: shard_folder.Shard) -> None:
        """Raise UsageError if a shard had other kernels than those before it, or another QEMU."""
        shard_folder.check_kernels(self._kernels, one)
        self._first = self._first or one
        for change in shard_folder.other_facts(self._first, one, ["qemu"]):
            raise UsageError(f"{self._first.name} and {one.name} had different {change}")

    def _check(self, shown: str, result: Result) -> None:
        """Note that a case has a result. Raises LazymmuError if it is another case, or has one already."""
        index = result.number
        unit = self._plan.units[index] if index < len(self._plan.units) else None
        if unit is None or unit.label() != result.label() or index in self._seen:
            raise LazymmuError(f"{shown}: {result.label()} is no case of this shard")
        self._seen.add(index)


def _collect(futures: Sequence[Any], arrived: SimpleQueue[tuple[Any, Any]], interrupts: Interrupts) -> None:
    """Pass each future on when it has ended, with its result."""
    from distributed import as_completed

    for one in as_completed(futures, loop=futures[0].client.loop, with_results=True, raise_errors=False):
        arrived.put(one)
        interrupts.notify()


@contextmanager
def connected(plan: Plan, folder: Folder) -> Iterator[Cluster]:
    """Connect to the cluster of --on for the length of a `with`. Its end ends what the plan's shards run.

    Raises SetupError if there is no scheduler, no worker, or a worker with another lazymmu.
    """
    try:
        import dask
        from distributed import Client
    except ImportError as error:
        where = f"{ROOT}[dask]" if IN_CHECKOUT else "lazymmu[dask]"
        raise SetupError(f"--on needs dask: {error}", hint=f"pip install '{where}'") from error
    address, mine = _address(plan.arguments.on), shard_task.package()
    order = _order(plan, shard_task.package_digest(mine))
    end = time.monotonic() + _LIMIT
    # Its logs are for people who run a cluster; what goes wrong is in our messages.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with dask.config.set({"distributed.comm.timeouts.connect": f"{_LIMIT}s"}):
        _check_scheduler(address)
        try:
            client = Client(address, timeout=_LIMIT, set_as_default=False, name="lazymmu")
        except OSError as error:
            raise SetupError(f"the scheduler {address} is gone: {error}") from error
        with client:
            try:
                client.wait_for_workers(1, timeout=max(end - time.monotonic(), 0.1))
            except TimeoutError:
                raise SetupError(f"the scheduler {address} has no workers", hint="`dask worker` starts one") from None
            _check_workers(client, mine, order.package)
            yield Cluster(client, address, plan, folder, order, sum(client.nthreads().values()))


def _address(on: str) -> str:
    """Return the address of a scheduler, which may be in a file that it wrote."""
    if "://" in on:
        return on
    try:
        address = json.loads(Path(on).read_text(encoding="utf-8"))["address"]
    except OSError as error:
        hint = "--on takes tcp://HOST:PORT, tls://HOST:PORT, or the file of `dask scheduler --scheduler-file`"
        raise UsageError(f"--on {on} is not an address, and cannot be read: {error.strerror}", hint=hint) from error
    except (ValueError, TypeError, KeyError):
        raise UsageError(f"--on {on} is not a scheduler file: it has no address") from None
    return str(address)


def _check_scheduler(address: str) -> None:
    """Raise SetupError unless a scheduler answers at this address."""
    import asyncio

    from distributed import Security, rpc

    async def kind() -> Any:
        async with rpc(address, connection_args=Security().get_connection_args("client")) as there:
            return (await there.identity())["type"]

    try:
        found = asyncio.run(asyncio.wait_for(kind(), _LIMIT))
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        # Of a program that is none of dask's, dask takes the first bytes for the length of the next ones.
        raise SetupError(f"no dask scheduler answers at {address}: {error or 'timed out'}") from error
    if found != "Scheduler":
        raise SetupError(f"no dask scheduler answers at {address}: it is a {str(found).lower()}")


def _check_workers(client: Any, mine: Mapping[str, str], digest: str) -> None:
    """Raise SetupError if a worker has another lazymmu than this one, or none."""
    answers = client.run(shard_task.other_package, digest, on_error="return")
    wrong = []
    for worker, other in sorted(answers.items()):
        if isinstance(other, Exception):
            wrong.append(f"{worker}: {other}")
        elif other is not None:
            names = sorted(name for name in {*mine, *other} if mine.get(name) != other.get(name))
            wrong.append(f"{worker}: {some_of(names, _NAMED)}")
    if wrong:
        lines = "".join(f"\n    {line}" for line in wrong)
        raise SetupError(
            f"these workers have another lazymmu than this command; what differs:{lines}",
            hint="install the same one for this command and all workers",
        )


def _order(plan: Plan, package: str) -> Order:
    """Return what the shards of a plan need. Raises UsageError for a file that workers cannot have by its name."""
    arguments = plan.arguments
    listing = [name for name in ("plan", "failed_from") if getattr(arguments, name) is not None]
    passed = PASSED if listing else (*(name for name in listed.SELECTING if name != "scenarios"), *PASSED)
    files: dict[str, bytes] = {}
    words = [] if listing else [*arguments.scenarios]
    for name in passed:
        value, flag = getattr(arguments, name), f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        else:
            values = value if isinstance(value, list) else [] if value in (None, False) else [value]
            words += [f"{flag}={one}" for one in values]
    for name in LISTS:
        if (value := getattr(arguments, name)) is not None:
            words.append(f"--{name.replace('_', '-')}=.{name}")
            files |= _listing(Path(value), f".{name}")
    library = requests.library()
    paths = [one.path for one in scenario_files(arguments.scenarios, library, Problems())]
    paths = [path for path in paths if not Path(path).resolve().is_relative_to(LIBRARY)]
    for path in (*paths, arguments.known, arguments.header, arguments.patch):
        if path is not None:
            if Path(path).is_absolute():
                hint = f"name it relative to the working folder: {os.path.relpath(path)}"
                raise UsageError(f"--on: workers cannot have a file named {path}", hint=hint)
            files[path] = Path(path).read_bytes()
    return Order(
        package=package,
        words=tuple(words),
        files=files,
        library=os.path.relpath(LIBRARY),
        jobs=arguments.jobs,
    )


def _listing(path: Path, name: str) -> dict[str, bytes]:
    """Return the files of a plan, a document or a results folder, by their paths for workers."""
    if not path.is_dir():
        return {name: path.read_bytes()}
    kept = (results_folder.RUN, results_folder.RESULTS, results_folder.PATCH)
    return {f"{name}/{one}": (path / one).read_bytes() for one in kept if (path / one).is_file()}
