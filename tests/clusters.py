# SPDX-License-Identifier: GPL-2.0-only
"""A dask cluster of real processes, each worker in a network namespace of its own, for tests of `run --on`.

A namespace lives as long as a process of it, and all processes die with the test: nothing of it can be left.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lazymmu.support.project import ROOT

from tests.guest.processes import wait_for_text

PORT = 8786
#: Of the scheduler and of the command, in the namespace with the bridge.
HOST = "10.213.0.1"
ADDRESS = f"tcp://{HOST}:{PORT}"


class Cluster:
    """A scheduler, and workers by their names."""

    def __init__(self, stack: ExitStack, folder: Path, settings: Mapping[str, str]) -> None:
        """Keep logs and scratch files in a folder; `settings` are variables of the environment for dask."""
        self._stack = stack
        self._folder = folder
        self._settings = settings
        self.hub = self._namespace()
        for words in (
            "link set lo up",
            "link add name bridge0 type bridge",
            f"addr add {HOST}/24 dev bridge0",
            "link set bridge0 up",
        ):
            self._ip(self.hub, words)
        self.scheduler = self._start(self.hub, "scheduler", ["--host", HOST, "--port", str(PORT), "--no-dashboard"])
        wait_for_text(folder / "scheduler.log", "Scheduler at:")
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self.namespaces: dict[str, int] = {}

    def add_worker(self, *flags: str, checkout: Path = ROOT) -> str:
        """Start a worker in a new namespace, with the lazymmu of a checkout. Returns its name."""
        number = len(self.workers) + 1
        name = f"worker{number}"
        pid = self.namespaces[name] = self._namespace()
        self._ip(self.hub, f"link add name {name} type veth peer name eth0 netns {pid}")
        self._ip(self.hub, f"link set {name} master bridge0 up")
        for words in ("link set lo up", f"addr add {self.host(name)}/24 dev eth0", "link set eth0 up"):
            self._ip(pid, words)
        flags = ("--host", self.host(name), "--name", name, "--nthreads", "1", "--no-dashboard", *flags)
        flags = (ADDRESS, *flags, "--local-directory", str(self._folder / name))
        self.workers[name] = self._start(pid, name, flags, checkout)
        return name

    def wait(self) -> None:
        """Wait until the scheduler has all workers."""
        for name in self.workers:
            wait_for_text(self._folder / f"{name}.log", "Registered to:")

    def host(self, worker: str) -> str:
        """Return the address of a worker's namespace."""
        return f"10.213.0.{10 + int(worker.removeprefix('worker'))}"

    def cut_off(self, worker: str) -> None:
        """Take the network from a worker, as an unplugged cable does."""
        self._ip(self.hub, f"link set {worker} down")

    def inside(self, command: Sequence[str]) -> list[str]:
        """Return the command that runs a command beside the scheduler."""
        return _inside(self.hub, command)

    def log(self, name: str) -> str:
        """Return what a process printed."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def _namespace(self) -> int:
        """Return a process that has a new namespace and lives as long as its standard input is open."""
        command = ["unshare", "--net", "sh", "-c", "echo && exec cat"]
        process = self._stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        )
        assert process.stdout and process.stdout.read(1) == b"\n"
        return process.pid

    def _ip(self, namespace: int, words: str) -> None:
        subprocess.run(_inside(namespace, ["ip", *words.split()]), check=True)

    def _start(self, namespace: int, name: str, flags: Sequence[str], checkout: Path = ROOT) -> subprocess.Popen[bytes]:
        """Start one of dask's programs, which dies with this thread."""
        program = f"distributed.cli.dask_{name.rstrip('0123456789')}"
        command = _inside(namespace, ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", program, *flags])
        environment = {**os.environ, **self._settings, "PYTHONPATH": str(checkout / "harness")}
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process


def _inside(namespace: int, command: Sequence[str]) -> list[str]:
    return ["nsenter", f"--net=/proc/{namespace}/ns/net", "--", *command]


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[Cluster]:
    """Start a scheduler in a namespace of its own for the length of a `with`. Needs root."""
    folder.mkdir()
    with ExitStack() as stack:
        yield Cluster(stack, folder, settings)
