# SPDX-License-Identifier: GPL-2.0-only
"""What a worker of a dask cluster does for `run --on`: it runs one shard, in a process of its own.

The process ends when the shard is no longer asked for: the user interrupted the run, the client or the worker is gone,
or the scheduler has given the shard to another worker.
"""

import io
import os
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from lazymmu.provision.keys import digest
from lazymmu.provision.subprocesses import tethered
from lazymmu.reports import results_folder
from lazymmu.support.errors import SetupError
from lazymmu.support.project import LIBRARY, PACKAGE, ROOT

# Seconds between two looks at whether the shard is still asked for, and those that its process has for its own end.
_LOOK = 0.2
_END = 5.0
#: Of the output of a process without results.
_LAST_LINES = 15
#: What `lazymmu merge` reads of a results folder, and the logs of guests.
_KEPT = (results_folder.RUN, results_folder.RESULTS, results_folder.GUESTS)


class Order(Struct, frozen=True):
    """What all shards of a run have in common."""

    #: Of `package()` where the command was given.
    package: str
    #: The words after `lazymmu run`.
    words: tuple[str, ...]
    #: Path, relative to the working folder, -> content of each file that the words name.
    files: Mapping[str, bytes]
    #: The path under which the words may name the library.
    library: str
    #: The value of --jobs; None without it.
    jobs: int | None


class Reply(Struct, frozen=True):
    """How the process of a shard ended."""

    #: The address of the worker, and the name of its host.
    worker: str
    host: str
    status: int
    #: The last lines of its output.
    output: str
    #: An archive of its results folder; empty if it has no results.
    results: bytes


def package() -> dict[str, str]:
    """Return path -> digest of every file of this lazymmu that may decide a result."""
    data = [ROOT / name for name in ("guest", "images", "scenarios")]
    found = {}
    for top, name in ((PACKAGE, "lazymmu"), *((folder, folder.name) for folder in data)):
        for folder, below, files in os.walk(top):
            below[:] = [
                one for one in below if not one.startswith((".", "__")) and Path(folder, one) != PACKAGE / "data"
            ]
            for path in (Path(folder, file) for file in files if not file.startswith(".")):
                found[f"{name}/{path.relative_to(top)}"] = digest([path.read_bytes()])
    return found


def package_digest(files: Mapping[str, str]) -> str:
    """Return the digest of all that `package` returned."""
    return digest(part for item in sorted(files.items()) for part in item)


def other_package(expected: str) -> dict[str, str] | None:
    """Return what `package` does if this lazymmu is not the one with this digest; else None."""
    files = package()
    return None if package_digest(files) == expected else files


def run_shard(shard: str, order: Order) -> Reply:
    """Run one shard on this worker, and return its results. Raises SetupError if this is another lazymmu."""
    from distributed import get_worker

    worker = get_worker()
    if package_digest(package()) != order.package:
        raise SetupError(f"{worker.address} on {socket.gethostname()} has another lazymmu")
    with TemporaryDirectory(prefix="lazymmu-shard-", dir=worker.local_directory) as folder:
        top = Path(folder).resolve()
        working = _lay_out(top / "files", order)
        words = [*order.words, "--shard", shard, "--out", str(top / "results"), "--quiet"]
        if jobs := order.jobs or _jobs(worker):
            words += ["--jobs", str(jobs)]
        with (top / "output").open("w+b") as output:
            status = _run(worker, words, working, output)
            output.seek(0)
            lines = output.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
        has_results = (top / "results" / results_folder.RESULTS).exists()
        return Reply(
            worker=worker.address,
            host=socket.gethostname(),
            status=status,
            output="\n".join(lines),
            results=_packed(top / "results") if has_results else b"",
        )


def _lay_out(top: Path, order: Order) -> Path:
    """Write the files below a folder; return the working folder in which the words name them."""
    paths = [os.path.normpath(name) for name in (*order.files, order.library)]
    above = max(path.split("/").count("..") for path in paths)
    working = top.joinpath(*["below"] * above)
    working.mkdir(parents=True)
    for name, content in order.files.items():
        path = Path(os.path.normpath(working / name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    library = Path(os.path.normpath(working / order.library))
    library.parent.mkdir(parents=True, exist_ok=True)
    library.symlink_to(LIBRARY)
    return working


def _jobs(worker: Any) -> int | None:
    """Return how many guests each of the shards that this worker runs at once may have; None if it runs one."""
    threads: int = worker.state.nthreads
    return None if threads == 1 else max(1, len(os.sched_getaffinity(0)) // threads)


def _run(worker: Any, words: list[str], working: Path, output: io.BufferedRandom) -> int:
    """Run `lazymmu run` to its end, or as long as the shard is asked for. Returns its status."""
    key = worker.get_current_task()
    # This worker's host may be one of a CI system, which would show each shard as a run.
    foreign = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITLAB_CI")
    environment = {name: value for name, value in os.environ.items() if name not in foreign}
    process = subprocess.Popen(
        tethered([sys.executable, "-P", "-m", "lazymmu", "run", *words], namespace=False),
        cwd=working,
        env={**environment, "PYTHONPATH": str(PACKAGE.parent)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    try:
        while process.poll() is None and _is_asked_for(worker, key):
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK)
    finally:
        if process.poll() is None:
            # As an interrupt ends it, so that it removes what it made.
            process.terminate()
            try:
                process.wait(_END)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _is_asked_for(worker: Any, key: str) -> bool:
    """Return whether the scheduler still wants this task from this worker."""
    from distributed import Status

    task = worker.state.tasks.get(key)
    ending = (Status.closing, Status.closed, Status.failed)
    return worker.status not in ending and task is not None and task.state == "executing"


def _packed(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
        for name in _KEPT:
            if (folder / name).exists():
                archive.add(folder / name, name)
    return packed.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Write what `run_shard` returned as results to a folder."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
