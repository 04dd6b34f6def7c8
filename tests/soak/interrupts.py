# SPDX-License-Identifier: GPL-2.0-only
"""Ends `lazymmu run` by SIGINT, SIGTERM or SIGKILL at random moments, and tells what it left behind.

It works in a copy of the warm cache (hard links: nothing is ever written into an entry), from which the builds are
removed before each run. A process, a held lock, a temporary file or, after anything but SIGKILL, a half-made entry
that is left is a finding, and so are a wrong exit status, a slow end, and a run at the end that does not pass.
"""

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lazymmu.provision.keys import default_root
from lazymmu.support.project import ROOT
from msgspec import Struct

from tests.guest import machines
from tests.guest.processes import marked, qemus, wait_until_none

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
ARCHES = ("arm64", "s390x", "x86_64")
# An end by a signal takes no longer (seconds); a busy host gets more than the 3 s that an idle one needs.
_END = 15.0
# Where a process needs no more time to become what it will be (seconds).
_STARTING = 1.0


class Interrupt(Struct, frozen=True):
    """One run that was ended, and what is wrong with its end."""

    moment: str
    number: signal.Signals
    #: Seconds from the signal to the end of the process.
    seconds: float
    findings: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.number.name} {self.moment}: {'; '.join(self.findings) or 'clean'} ({self.seconds:.2f} s)"


class Playground:
    """A cache, a state folder and a folder for temporary files, and runs that use them.

    The cache has the tool roots of these architectures only: a root has ten thousand files.
    """

    def __init__(self, folder: Path, arches: Sequence[str] = ARCHES) -> None:
        self.folder = folder
        self._arches = arches
        self.cache = folder / "cache" / "lazymmu"
        (self.cache / "roots").mkdir(parents=True)
        # A run reads packages, and writes none.
        (self.cache / "packages").symlink_to(default_root() / "packages")
        unused = {"locks", "packages", "roots", "trees"}
        parts = [machines.images(arch).sandboxes[arch].root for arch in arches]
        parts += [path for path in default_root().iterdir() if path.name not in unused]
        names = [str(path.relative_to(default_root())) for path in parts]
        copying = ["cp", "-al", "--parents", *names, str(self.cache)]
        environment = {**os.environ, "LC_ALL": "C"}
        done = subprocess.run(copying, capture_output=True, text=True, env=environment, cwd=default_root(), check=False)
        # Who uses the cache meanwhile removes what was half made.
        wrong = [line for line in done.stderr.splitlines() if "No such file or directory" not in line]
        assert self.cache.is_dir(), done.stderr
        assert not wrong, wrong
        # A lock is the file's: by a hard link it would be the same as that of the real cache. So are the files in which
        # kbuild works, for it writes into some of them.
        for builds in self.cache.glob("roots/*/lazymmu/builds"):
            shutil.rmtree(builds)
        (folder / "tmp").mkdir()

    def environment(self) -> dict[str, str]:
        """Return the environment of a run; each of its folders carries the playground's name."""
        folders = {"XDG_CACHE_HOME": "cache", "XDG_STATE_HOME": "state", "TMPDIR": "tmp"}
        return {
            **os.environ,
            **{name: str(self.folder / folder) for name, folder in folders.items()},
            "PYTHONPATH": str(ROOT / "harness"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def command(self, arches: Sequence[str] = ARCHES) -> list[str]:
        """Return the run; SIGINT counts in it even where a shell's background job would ignore it."""
        chosen = [word for arch in arches for word in ("--arch", arch)]
        command = [sys.executable, "-P", "-m", "lazymmu", "run", "--offline", "nesting/single", *chosen]
        return ["env", "--default-signal=INT", *command]

    def forget_builds(self) -> None:
        """Remove modules, archives and snapshots, so that a run makes them."""
        for name in ("modules", "archives", "snapshots"):
            for path in self.cache.glob(f"roots/*/lazymmu/{name}"):
                shutil.rmtree(path)

    def run(self, *arches: str, before: Sequence[str] = ()) -> tuple[int, str]:
        """Run to the end, on these architectures or all, behind the start of a command line. Return status, output."""
        done = subprocess.run(
            [*before, *self.command(arches or self._arches)],
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd=self.folder,
        )
        assert "Traceback" not in done.stdout, done.stdout
        return done.returncode, done.stdout

    def partials(self) -> list[str]:
        """Return what is half made."""
        found = [*self.cache.rglob("*.partial"), *self.cache.glob("roots/*/lazymmu/*/*.build")]
        return sorted(str(path.relative_to(self.cache)) for path in found)

    def left(self) -> list[str]:
        """Return what nobody may leave, whatever ended him."""
        return left_behind(self.folder, self.cache, self.folder / "tmp")


def left_behind(mark: Path, cache: Path, temporary: Path) -> list[str]:
    """Return the processes whose command line, environment or mounts name `mark`, temporary files and held locks."""
    found = [f"process {pid}: {line}" for pid, line in wait_until_none(str(mark)).items()]
    found += [f"temporary {path}" for path in temporary.iterdir()]
    found += [f"socket {path}" for path in mark.rglob("*") if path.is_socket()]
    for path in cache.glob("locks/*.lock"):
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found.append(f"held lock {path.name}")
    return found


def _wait(seconds: float, process: subprocess.Popen[str], until: Callable[[], object] = lambda: False) -> None:
    """Let so much time pass, or less if the process ends or something has come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None and not until():
        time.sleep(0.002)


def finished(stdout: str) -> bool:
    """Return whether a run came to its own end; the summary of one that was interrupted counts, too, what passed."""
    return ("1 scenario" in stdout or " pass, 0 fail" in stdout) and "interrupted" not in stdout


def interrupt(playground: Playground, rng: random.Random, number: signal.Signals, duration: float) -> Interrupt:
    """End one run at a random moment; `duration` is how long one takes (seconds)."""
    playground.forget_builds()
    before = playground.partials()
    mark = str(playground.folder)

    def builds() -> bool:
        return any(" make " in line or "/cc1 " in line for line in marked(mark).values())

    arches = rng.choice([ARCHES, (rng.choice(ARCHES),)])
    with subprocess.Popen(
        playground.command(arches),
        env=playground.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=playground.folder,
    ) as process:
        kind = rng.choice(["start", "build", "boot", "any"])
        delay = rng.random() * {"start": _STARTING, "build": 2.0, "boot": 3.0, "any": duration}[kind]
        if kind == "build":
            _wait(60, process, builds)
        elif kind == "boot":
            count = rng.randint(1, len(arches))
            _wait(60, process, lambda: len(qemus(process.pid)) >= count)
        _wait(delay, process)
        ended = process.poll()
        begin = time.monotonic()
        process.send_signal(number)
        try:
            stdout, stderr = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        seconds = time.monotonic() - begin
    findings = playground.left()
    # What was done when the signal came, or nearly so, has its own status.
    done = ended is not None or finished(stdout)
    allowed = {-signal.SIGKILL} if number is signal.SIGKILL else {130}
    # Until Python has set its handlers, the system's own answer holds; and until a line of ours runs, Python's.
    pythons = "KeyboardInterrupt" in stderr and str(ROOT / "harness") not in stderr
    allowed |= {-number, *([1] if pythons else [])} if kind == "start" else set()
    allowed |= {0} if done else set()
    if process.returncode not in allowed:
        findings.append(f"status {process.returncode}: {stderr[-500:]}")
    # What an earlier one left that was killed may still be there, if this one did not come as far as the cache.
    made = sorted({*playground.partials()} - {*before})
    if number is not signal.SIGKILL and made:
        findings.append(f"half made: {made}")
    if seconds > _END:
        findings.append(f"took {seconds:.1f} s to end")
    if "Traceback" in stderr and kind != "start":
        findings.append(stderr[-500:])
    return Interrupt(f"{kind} + {delay:.2f} s", number, seconds, tuple(findings))


def soak(folder: Path, count: int, seed: int, say: Callable[[str], object]) -> list[str]:
    """End so many runs in a new folder; return the findings."""
    rng = random.Random(seed)  # noqa: S311  (no secret)
    playground = Playground(folder)
    # The first one makes what a copy lacks (a trial of KVM), and is the measure.
    playground.run()
    playground.forget_builds()
    begin = time.monotonic()
    status, output = playground.run()
    duration = time.monotonic() - begin
    assert status == 0, output
    findings = []
    slowest = 0.0
    for turn in range(count):
        ended = interrupt(playground, rng, SIGNALS[turn % len(SIGNALS)], duration)
        say(f"{turn + 1}: {ended}")
        findings += [f"{turn + 1}: {ended.number.name} {ended.moment}: {finding}" for finding in ended.findings]
        slowest = max(slowest, ended.seconds)
    status, output = playground.run()
    if status != 0:
        findings.append(f"the run at the end: status {status}: {output}")
    findings += [f"left for ever: {path}" for path in playground.partials()]
    say(f"{count} runs ended, {len(findings)} findings; slowest end {slowest:.2f} s; last run: {status}")
    return findings
