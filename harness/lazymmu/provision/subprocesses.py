# SPDX-License-Identifier: GPL-2.0-only
"""Runs tools of the host, and ends them: at once when asked, and always with the harness.

A tool that fails or is missing becomes a SetupError that says what to do. A tool and everything that it started have
a PID namespace of their own, whose end the kernel makes the end of all of them. Where namespaces are forbidden a tool
still dies with us, and `stop` still ends its process group; but what it started itself lives on after a SIGKILL of the
harness until it finds its pipes closed, and so does, after `stop`, what left the group. Neither can harm: they write
below a name that nobody uses again, and the next run removes it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO

from lazymmu.support.errors import SetupError

#: Debian package of each host tool that the harness calls.
PACKAGES = {
    "mmdebstrap": "mmdebstrap",
    "bwrap": "bubblewrap",
    "apt-get": "apt",
    "apt-cache": "apt",
    "dpkg-deb": "dpkg",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}

_LAST_LINES = 15
# A parent that dies before the request to die with it is made is never noticed: so both look whether it still lives.
_INSIDE = 'read -r _ _ state _ <"/proc/$0/stat" && test "$state" != Z && exec "$@"'
_TETHER = 'test "$PPID" = "$1" && shift && exec "$@"'
_TETHER_WITH_NAMESPACE = 'test "$PPID" = "$1" && shift && exec {unshare} sh -c {inside} $$ "$@"'


class ToolError(SetupError):
    """A tool that ended with another status than 0; `output` is all that it said."""

    def __init__(self, message: str, *, output: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.output = output


def tethered(argv: Sequence[str]) -> list[str]:
    """Return the command that runs `argv` so that it and all that it starts die with the calling thread.

    For every process that we start, QEMU and sandboxes too: bubblewrap's own --die-with-parent is set late, and a
    harness that is killed before leaves it behind.
    """
    try:
        _try_namespaces()
        script = _TETHER_WITH_NAMESPACE.format(unshare=shlex.join(_unshare()), inside=shlex.quote(_INSIDE))
    except (OSError, subprocess.CalledProcessError):
        script = _TETHER
    return ["setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", script, "sh", str(os.getpid()), *argv]


def _unshare() -> list[str]:
    """Return the words before a command that give it a PID namespace, which ends with the one who starts it."""
    # A normal user needs a user namespace to make another.
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
    return ["unshare", *user, "--pid", "--fork", "--kill-child", "--"]


# Only a success is kept: it is as good for all that follows, and a guest that is restored should not wait for another.
@cache
def _try_namespaces() -> None:
    """Raise OSError or CalledProcessError where namespaces are forbidden, for no setting tells for certain."""
    subprocess.run(
        [*_unshare(), "true"], stdin=subprocess.DEVNULL, capture_output=True, check=True, start_new_session=True
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a tool with its group, and wait until nobody holds its pipes any more."""
    if process.poll() is None:
        # It leads its session, so its group has its number.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None and not pipe.closed:
            with pipe:
                while pipe.read(1 << 16):
                    pass
    process.wait()


class Tools:
    """The tools that run now. `stop` ends them all, from any thread, and none starts after it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopping = threading.Event()

    def stopping(self) -> bool:
        """Return whether `stop` was called: what is being made now is not whole, whatever it looks like."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End every tool now; their callers get a SetupError."""
        self._stopping.set()
        with self._lock:
            for process in self._running:
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)

    @contextmanager
    def stopped_by_interrupt(self) -> Iterator[None]:
        """While the main thread waits for others in this `with`, an interrupt ends the tools that they run.

        It is raised again; further ones are ignored, for the clean-up is short, and must not be cut short.
        """
        try:
            yield
        except KeyboardInterrupt:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            self.stop()
            raise

    def check(self, what: str) -> None:
        """Raise SetupError when `stop` was called."""
        if self.stopping():
            raise SetupError(f"{what}: interrupted")

    def run(
        self,
        argv: Sequence[str],
        *,
        what: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        hint: str | None = None,
    ) -> str:
        """Run a program to its end and return its standard output.

        `env` is added to this process's environment. Raises SetupError, which names `what` was being done, the
        command and its last lines, when it cannot be started, exits with another status than 0, or is stopped.
        """
        with self._started(argv, what, env, cwd) as process:
            stdout, stderr = process.communicate()
        self.check(what)
        output = stdout.decode(errors="replace")
        if process.returncode != 0:
            raise _failed(argv, what, process.returncode, output + stderr.decode(errors="replace"), hint)
        return output

    @contextmanager
    def output(self, argv: Sequence[str], *, what: str) -> Iterator[IO[bytes]]:
        """Run a program for the length of a `with` that reads its standard output, as far as it likes."""
        with self._started(argv, what, None, None) as process:
            assert process.stdout is not None  # noqa: S101  (asked for in _started)
            yield process.stdout

    @contextmanager
    def _started(
        self, argv: Sequence[str], what: str, env: Mapping[str, str] | None, cwd: Path | None
    ) -> Iterator[subprocess.Popen[bytes]]:
        for program in (argv[0], "setpriv"):
            if shutil.which(program) is None:
                package = PACKAGES.get(program, program)
                raise SetupError(f"{what}: `{program}` is not installed", hint=f"apt-get install {package}   (as root)")
        command = tethered(argv)
        # Started under the lock: `stop` sees it, or it does not start.
        with self._lock:
            self.check(what)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C", **(env or {})},
                cwd=cwd,
                # A Ctrl-C on the terminal is the harness's to handle.
                start_new_session=True,
            )
            self._running.add(process)
        try:
            yield process
        finally:
            _end(process)
            with self._lock:
                self._running.discard(process)


def _failed(argv: Sequence[str], what: str, status: int, output: str, hint: str | None) -> ToolError:
    return ToolError(
        f"{what}: `{argv[0]}` ended with status {status}\n"
        + "\n".join(f"    {line}" for line in output.splitlines()[-_LAST_LINES:])
        + f"\n  command: {shlex.join(argv)}",
        output=output,
        hint=hint,
    )
