# SPDX-License-Identifier: GPL-2.0-only
"""A guest whose init writes random programs to the module's device (`guest/abuse.c`): its build, boot and findings."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lazymmu.architecture import Architecture
from lazymmu.guests import qemu
from lazymmu.guests.qemu import Guest
from lazymmu.provision import builds, cpio
from lazymmu.provision.cache import digest, digest_files
from lazymmu.provision.setup import Images
from msgspec import Struct, field
from msgspec.structs import replace

from tests.guest import machines

_SOURCE = Path(__file__).parent / "guest"
# The abuser tells once a second where it is (seconds); a text around the limits takes longer, and so does a busy host.
_SILENCE = 120.0


class Sample(Struct, frozen=True):
    """One text for the device, and how it was answered."""

    number: int
    text: bytes
    #: errno, 0 when it ran.
    status: int
    #: It ran, and nobody read its report.
    unread: bool
    #: The module's log records.
    records: tuple[str, ...]


class Abused(Struct):
    """What came of the abuse of one architecture's module."""

    #: Texts written one after the other: all of them, those refused, those that ran, those whose report nobody read.
    programs: int = 0
    refused: int = 0
    ran: int = 0
    unread: int = 0
    seconds: float = 0.0
    samples: list[Sample] = field(default_factory=list)
    #: What was wrong with an answer, and to which text.
    broken: list[tuple[str, Sample]] = field(default_factory=list)
    #: Level and text of the kernel's other messages.
    kernel: list[tuple[int, str]] = field(default_factory=list)
    #: live_runs, live_threads and the module's threads: after one writer, and after many at the same time.
    state: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    #: /proc/meminfo in kB, "before" and "after".
    memory: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    #: Mode, user, group of the device, and the errno with which a normal user failed to open it.
    device: tuple[str, int, int, int] = ("", -1, -1, -1)
    #: Writers at the same time, those that had an answer they must not have, and those killed in the middle.
    crowd: tuple[int, int, int] = (0, 0, 0)
    done: bool = False
    console: str = ""


def _archive(images: Images, architecture: Architecture, module: bytes) -> Path:
    """Return the initramfs whose init is the abuser, with the module in it."""
    key = digest([digest_files(_SOURCE), architecture.name, module])
    sandbox = images.sandboxes[architecture.name]

    def build(target: Path) -> None:
        work = target.with_name("work")
        shutil.copytree(_SOURCE, work)
        sources = [sandbox.inside(path) for path in sorted(work.glob("*.c"))]
        command = [
            *("env", f"TMPDIR={sandbox.inside(work)}", f"{architecture.compiler_prefix}gcc"),
            *("-O2", "-static", "-s", "-Wall", "-Wextra", "-Werror"),
            *("-o", sandbox.inside(work / "init"), *sources),
        ]
        what = f"build the abuser for {architecture.name}"
        images.cache.tools.run(sandbox.command(command, writable=True), what=what)
        folders = [cpio.directory(name) for name in ("dev", "proc", "sys")]
        programs = [cpio.program("init", (work / "init").read_bytes()), cpio.program("lazymmu.ko", module)]
        target.write_bytes(cpio.archive([*folders, cpio.node("dev/console", 5, 1), *programs]))

    target = sandbox.root / "lazymmu" / "archives" / f"{key}.cpio"
    return images.cache.obtain(target, f"abuser's archive for {architecture.name}", build, needs=builds.NEEDS)


def _messages(stream: IO[bytes]) -> Iterator[tuple[list[str], bytes]]:
    """Yield words and payload of each message; the last word is the payload's length."""
    while line := stream.readline():
        *words, length = line.decode("ascii").split()
        payload = stream.read(int(length))
        if len(payload) == int(length):
            yield words, payload


def _records(payload: bytes) -> tuple[str, ...]:
    return tuple(payload.decode("ascii", errors="replace").splitlines())


def _meminfo(payload: bytes) -> dict[str, int]:
    return {name.decode(): int(kilobytes) for name, kilobytes in re.findall(rb"(\w+): +(\d+) kB", payload)}


def _take_count(found: Abused, word: str, arguments: list[str]) -> None:
    """Add what is only numbers."""
    match word, arguments:
        case "state", [when, runs, live, threads]:
            found.state[when] = (int(runs), int(live), int(threads))
        case "device", [mode, user, group, errno]:
            found.device = (mode, int(user), int(group), int(errno))
        case "crowd", [writers, wrong, killed]:
            found.crowd = (int(writers), int(wrong), int(killed))
        case "tally", [*counts, seconds]:
            found.programs, found.refused, found.ran, found.unread = map(int, counts)
            found.seconds = float(seconds)


def _take(found: Abused, messages: Iterator[tuple[list[str], bytes]]) -> None:
    """Add messages to what is found, until the abuser is done or its line ends."""
    text = (0, b"")
    faults: dict[int, str] = {}
    for (word, *arguments), payload in messages:
        match word:
            case "sample" | "culprit":
                text = int(arguments[0]), payload
            case "answer":
                status, unread = map(int, arguments)
                sample = Sample(*text, status, bool(unread), _records(payload))
                if sample.number in faults:
                    found.broken.append((faults[sample.number], sample))
                else:
                    found.samples.append(sample)
            case "broken":
                faults[int(arguments[0])] = payload.decode()
            case "kernel":
                found.kernel.append((int(arguments[0]), payload.decode("ascii", errors="replace")))
            case "memory":
                found.memory[arguments[0]] = _meminfo(payload)
            case "done":
                found.done = True
                return
            case _:
                _take_count(found, word, arguments)


def _listen(guest: Guest) -> Abused:
    found = Abused()
    guest.channel.settimeout(_SILENCE)
    with guest.channel.makefile("rb") as stream:
        try:
            _take(found, _messages(stream))
        except TimeoutError:
            raise guest.hang(f"silent for {_SILENCE:.0f} s under abuse", agent_answers=False) from None
    if not found.done:
        raise guest.death()
    found.console = guest.console.text()
    return found


def abuse(arch: str, *, seed: int, programs: int, samples: int) -> Abused:
    """Write so many random texts to the module of one architecture's guest; return what came of it.

    About `samples` of them come back, with their answers. Raises GuestError when the guest dies or hangs.
    """
    images, machine = machines.images(arch), machines.machine(arch)
    boot = replace(
        machine.boot,
        archive=_archive(images, machine.boot.architecture, machine.module),
        # What stands behind the dashes is init's own.
        kernel_arguments=("--", str(seed), str(programs), str(max(1, programs // samples))),
    )
    with qemu.start(boot) as guest:
        return _listen(guest)
