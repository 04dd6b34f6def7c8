# SPDX-License-Identifier: GPL-2.0-only
"""Runs `lazymmu run` again and again, each time with one fault, and counts the right outcomes and what is left over.

Faults and architectures are chosen at random. An outcome is right when the exit status is the one of the fault's row,
the output says what it must, the unit in which it came is no pass, and a death or hang was noticed in time.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from tests.guest.checkouts import checkout_with
from tests.guest.processes import wait_for_qemus, wait_for_text
from tests.soak.faults import FAULTS, Fault
from tests.soak.interrupts import ARCHES, Playground

_PLAIN = "description: x\nsteps: [enable, disable]\n"


class Trial(Struct, frozen=True):
    """One run with one fault."""

    fault: Fault
    arch: str
    status: int
    output: str
    #: Outcome and seconds of the unit in which the fault came; None without results.
    outcome: str | None
    unit_seconds: float
    left: tuple[str, ...]

    def mistakes(self) -> list[str]:
        """Return what is not as it must be."""
        found = [f"left: {thing}" for thing in self.left]
        if self.status != self.fault.status:
            found.append(f"status {self.status}, not {self.fault.status}")
        if not re.search(self.fault.says, self.output, re.DOTALL):
            found.append(f"it does not say {self.fault.says!r}")
        right = {0: "pass", 1: "fail", 3: "error"}.get(self.fault.status) if self.fault.runs_guest else None
        if self.outcome != right:
            found.append(f"the unit is a {self.outcome}, not a {right}")
        if "Traceback" in self.output:
            found.append("a traceback")
        if self.fault.within and self.unit_seconds > self.fault.within:
            found.append(f"noticed after {self.unit_seconds:.1f} s, not {self.fault.within} s")
        return found


def inject(playground: Playground, fault: Fault, arch: str, folder: Path) -> Trial:
    """Make one run with a fault."""
    checkout = folder / "checkouts" / re.sub(r"\W", "-", fault.name)
    if not checkout.exists():
        checkout_with(fault.edits, checkout)
    given = folder / "given"
    given.mkdir(exist_ok=True)
    (given / "a_plain.yaml").write_text(_PLAIN)
    (given / "b_flush.yaml").write_text(fault.scenario)
    results = folder / "results.json"
    results.unlink(missing_ok=True)
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    machine = fault.environment.get("SOAK_ARCH", arch)
    command = [
        *fault.before(playground.cache),
        *("/usr/bin/env", "--default-signal=INT", sys.executable, "-P", "-m", "lazymmu"),
        *("run", str(given), "--offline", "--arch", machine, "--json", str(results), *fault.flags),
        *("--out", str(out)),
    ]
    environment = {**playground.environment(), "PYTHONPATH": str(checkout / "harness"), **fault.environment}
    before = set(playground.partials())
    with (
        fault.around(playground.cache, arch),
        subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        if fault.to_qemu or fault.to_harness:
            (qemu,) = wait_for_qemus(process.pid, 1).values()
            if fault.to_qemu:
                wait_for_text(out / "guests" / f"{machine}-1.console.log", "lazymmu-agent: run ", fault.begun)
                os.kill(qemu, fault.to_qemu)
            else:
                process.send_signal(fault.to_harness or 0)
        output = process.communicate()[0]
    if fault.to_harness == signal.SIGKILL:
        # Whoever is killed so cleans up nothing; the next one does.
        playground.run()
    left = [*playground.left(), *sorted(set(playground.partials()) - before)]
    documents = json.loads(results.read_text())["results"] if results.exists() else []
    struck = [result for result in documents if result["scenario"].endswith("b_flush")]
    outcomes = {result["outcome"] for result in struck}
    return Trial(
        fault,
        arch,
        process.returncode,
        output,
        outcomes.pop() if len(outcomes) == 1 else ", ".join(sorted(outcomes)) or None,
        max((result["seconds"] for result in struck), default=0.0),
        tuple(left),
    )


def soak(folder: Path, count: int, seed: int, say: Callable[[str], object]) -> list[str]:
    """Make so many runs, with all faults before any comes again; return what was wrong."""
    rng = random.Random(seed)  # noqa: S311  (a fixed sequence, so that a failure comes again)
    playground = Playground(folder / "playground")
    # What a copy of the cache lacks is made first (a trial of KVM, whose QEMU is none to be killed).
    playground.run()
    wrong = []
    waiting: list[Fault] = []
    for turn in range(1, count + 1):
        if not waiting:
            waiting = rng.sample(FAULTS, len(FAULTS))
        fault, arch = waiting.pop(), rng.choice(ARCHES)
        begin = time.monotonic()
        trial = inject(playground, fault, arch, folder)
        mistakes = trial.mistakes()
        seconds = time.monotonic() - begin
        noticed = f", noticed after {trial.unit_seconds:.2f} s" if fault.within else ""
        say(f"{turn}: {fault.name} on {arch}: {'; '.join(mistakes) or 'right'} ({seconds:.1f} s{noticed})")
        if mistakes:
            wrong.append(f"{turn}: {fault.name} on {arch}: {'; '.join(mistakes)}\n{trial.output}")
    status, output = playground.run()
    if status:
        wrong.append(f"the run at the end: status {status}\n{output}")
    return wrong
