# SPDX-License-Identifier: GPL-2.0-only
"""Runs tools of the host. Each ends with the harness, and `Tools.stop` ends it at once.

A tool and everything that it starts have a PID namespace, whose end ends all of them. Where namespaces are forbidden, a
tool still dies with the harness, and `stop` ends its process group. What the tool started may then live on for a while.
It does no harm: it writes below a name that nobody uses again, and the next run removes it.
"""

import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TypeVar

from lazymmu.support.errors import SetupError

# The package of a host tool by Debian's name, if it is not the tool's own. Other distributions use the same names.
_PACKAGES = {"bwrap": "bubblewrap", "setpriv": "util-linux", "unshare": "util-linux"}
_LAST_LINES = 15
# PR_SET_PDEATHSIG has no effect if the parent died before it was set, so both processes check that the parent is alive.
_INSIDE = 'read -r _ _ state _ <"/proc/$0/stat" && test "$state" != Z && exec "$@"'
_TETHER = 'test "$PPID" = "$1" && shift && exec "$@"'
_TETHER_WITH_NAMESPACE = 'test "$PPID" = "$1" && shift && exec {unshare} sh -c {inside} $$ "$@"'

_T = TypeVar("_T")


def install_hint(*programs: str) -> str:
    """Return the commands that install host tools on Debian, Fedora and Arch."""
    packages = " ".join(_PACKAGES.get(program, program) for program in programs)
    return f"as root: apt-get install {packages}, dnf install {packages} or pacman -S {packages}"


class ToolError(SetupError):
    """A tool that exited with another status than 0. `output` is all that it printed."""

    def __init__(self, message: str, *, output: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.output = output


def tethered(argv: Sequence[str], *, namespace: bool = True) -> list[str]:
    """Return the command that runs `argv` so that it and all that it starts die with the calling thread.

    Without a namespace, what it starts must see to that itself.
    """
    script = _TETHER
    if namespace:
        # bubblewrap needs it, too: it sets its own --die-with-parent late.
        with suppress(OSError, subprocess.CalledProcessError):
            _try_namespaces()
            script = _TETHER_WITH_NAMESPACE.format(unshare=shlex.join(_unshare()), inside=shlex.quote(_INSIDE))
    return ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", script, "sh", str(os.getpid()), *argv]


def _unshare() -> list[str]:
    """Return the words before a command that give it a PID namespace, which ends with the process that starts it."""
    # A normal user needs a user namespace to make another one.
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
    return ["unshare", *user, "--pid", "--fork", "--kill-child", "--"]


# Only a success is cached. It costs a process, which a restored guest should not wait for.
@cache
def _try_namespaces() -> None:
    """Raise OSError or CalledProcessError if namespaces are forbidden. No setting says so for certain."""
    subprocess.run(
        [*_unshare(), "true"], stdin=subprocess.DEVNULL, capture_output=True, check=True, start_new_session=True
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a tool that still runs, with its group."""
    if process.poll() is None:
        # It leads its session, so its group has its number.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class Tools:
    """The tools that run now. `stop` ends them all, from any thread, and none starts after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        #: Set by `stop`. What is being made then is incomplete, whatever it looks like.
        self.stopped = threading.Event()

    def stop(self) -> None:
        """End every tool now. Their callers get a SetupError."""
        self.stopped.set()
        with self._lock:
            for process in self._running:
                _kill(process)

    def in_thread(self, work: Callable[[], _T]) -> _T:
        """Return the result of `work`, as `in_threads` does."""
        return self.in_threads([work])[0]

    def in_threads(self, works: Sequence[Callable[[], _T]], *, at_end: Callable[[], object] = lambda: None) -> list[_T]:
        """Return the results of functions, each of which runs in another thread. An interrupt ends their tools.

        Python raises KeyboardInterrupt in the main thread, between any two steps. It is raised again, and further ones
        are ignored: the clean-up is short. `at_end` is called when all have returned, or one has failed.
        """
        with ThreadPoolExecutor(max_workers=len(works)) as pool:
            try:
                return [future.result() for future in [pool.submit(work) for work in works]]
            except KeyboardInterrupt:
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, signal.SIG_IGN)
                self.stop()
                raise
            finally:
                at_end()

    def check(self, what: str) -> None:
        """Raise SetupError if `stop` was called."""
        if self.stopped.is_set():
            raise SetupError(f"{what}: interrupted")

    def run(self, argv: Sequence[str], *, what: str, hint: str | None = None) -> str:
        """Run a program to its end and return its standard output. Raises SetupError that names the work, `what`."""
        for program in (argv[0], "setpriv"):
            if shutil.which(program) is None:
                raise SetupError(f"{what}: `{program}` is not installed", hint=install_hint(program))
        command = tethered(argv)
        # Started under the lock: `stop` sees it, or it does not start.
        with self._lock:
            self.check(what)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C"},
                # The harness handles a Ctrl-C on the terminal.
                start_new_session=True,
            )
            self._running.add(process)
        try:
            # Until no process holds the pipes, also of those that the program started.
            stdout, stderr = process.communicate()
        finally:
            _kill(process)
            process.wait()
            with self._lock:
                self._running.discard(process)
        self.check(what)
        output = stdout.decode(errors="replace")
        if process.returncode != 0:
            output += stderr.decode(errors="replace")
            last = "\n".join(f"    {line}" for line in output.splitlines()[-_LAST_LINES:])
            message = f"{what}: `{argv[0]}` ended with status {process.returncode}\n{last}"
            raise ToolError(f"{message}\n  command: {shlex.join(argv)}", output=output, hint=hint)
        return output
