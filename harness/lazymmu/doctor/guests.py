# SPDX-License-Identifier: GPL-2.0-only
"""What guests need: the tool root and its programs, kernels, archives and modules, and an accelerator."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from lazymmu.architecture import Architecture, architectures
from lazymmu.doctor.cache_state import NotThere, Question, Situation
from lazymmu.doctor.check import Check, State
from lazymmu.guests import accelerator
from lazymmu.guests.machine import prepare, untried_boot
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.provision import integrity
from lazymmu.provision.inventory import megabytes
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.provision.subprocesses import tethered
from lazymmu.support.errors import GuestError, LazymmuError
from lazymmu.support.machine_names import DEFAULT_KERNEL, machine_name

_SETUP = "lazymmu setup"
_CLEAN = "lazymmu clean"
#: Older ones break x86_64 guests with two CPUs.
OLDEST_QEMU = 10
# A version is printed at once; a program that hangs must not hang the doctor (seconds).
_PATIENCE = 30.0


def _fetched(question: Question) -> str:
    return "and --offline forbids to fetch it" if question.offline else "lazymmu run fetches it"


def _version(sandbox: Sandbox, program: str) -> tuple[str | None, str]:
    """Return the version that a program in the tool root prints, or None and why it does not."""
    done = subprocess.run(
        tethered(sandbox.command([f"/usr/bin/{program}", "--version"])),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=_PATIENCE,
    )
    text = done.stdout.decode(errors="replace")
    found = re.search(r"\d+(\.\d+)+", text.partition("\n")[0])
    if done.returncode == 0 and found:
        return found.group(), ""
    said = (done.stderr.decode(errors="replace") or text).strip().splitlines()
    return None, said[-1] if said else f"status {done.returncode}"


def tool_root(question: Question, situation: Situation, sandbox: Sandbox | None) -> Iterator[Check]:
    """Yield whether the tool root is there, and its programs start and are new enough."""
    root = situation.root
    if root is None:
        return
    if not situation.root_there:
        found = f"not in the cache, {_fetched(question)}"
        yield Check("tool root", State.MISSING, found, _SETUP, blocks=question.offline)
        return
    yield Check("tool root", State.OK, str(root))
    if sandbox is None:
        return
    again = f"{_CLEAN} --all && {_SETUP}"
    machines = [architectures()[arch] for arch in question.arches]
    programs = {machine.qemu: OLDEST_QEMU for machine in machines}
    programs |= {f"{machine.compiler_prefix}gcc": 0 for machine in machines}
    for program, oldest in {**programs, "make": 0}.items():
        version, why = _version(sandbox, program)
        if version is None:
            yield Check(program, State.BROKEN, f"does not start in the tool root: {why}", again, blocks=True)
        elif int(version.partition(".")[0]) < oldest:
            yield Check(program, State.BROKEN, f"{version}, {oldest} or newer is needed", again, blocks=True)
        else:
            yield Check(program, State.OK, version, facts={"version": version})


def kernels(question: Question, situation: Situation) -> Iterator[Check]:
    """Yield what the kernel is locked to for each architecture, and whether it is there and whole."""
    kernel = question.kernel
    if situation.trouble is not None:
        trouble = situation.trouble
        hint = trouble.hint if isinstance(trouble, LazymmuError) and trouble.hint else ""
        yield Check(f"kernel {kernel.name}", State.BROKEN, str(trouble).partition("\n")[0], hint, blocks=True)
        return
    again = _SETUP if kernel.name == DEFAULT_KERNEL else f"{_SETUP} --kernel {kernel.name}"
    for arch in question.arches:
        name = f"kernel {kernel.name} {arch}"
        if arch in situation.refused:
            # A run does without it, unless it would be left with none.
            none = set(situation.refused) == set(question.arches)
            state = State.MISSING if none else State.NOTE
            yield Check(name, state, f"does not resolve: {situation.refused[arch]}", again, blocks=none)
            continue
        release, installed = situation.locked.get(arch), situation.installed.get(arch)
        if release is None:
            found = f"no version is locked yet, {_fetched(question)}"
            yield Check(name, State.MISSING, found, again, blocks=question.offline)
            continue
        version = f"Linux {release.release} (package {release.version})"
        facts = {"release": release.release, "version": release.version}
        if installed is None or situation.root is None:
            found = f"locked to {version}, not in the cache, {_fetched(question)}"
            yield Check(name, State.MISSING, found, again, blocks=question.offline, facts=facts)
            continue
        wrong = integrity.damage("kernels", installed.image)
        headers = situation.root / installed.headers.lstrip("/")
        if wrong:
            found = f"{version}: {installed.image} {wrong}"
            yield Check(name, State.BROKEN, found, f"{_CLEAN} && {again}", blocks=True, facts=facts)
        elif not headers.is_dir():
            found = f"{version}: its headers {headers} are gone"
            mend = f"rm {installed.image} && {again}"
            yield Check(name, State.BROKEN, found, mend, blocks=situation.modules.get(arch) is None, facts=facts)
        else:
            yield Check(name, State.OK, version, facts=facts)


def builds(question: Question, situation: Situation) -> Iterator[Check]:
    """Yield whether the present module and agent are built: a run builds what is not, so a lack is only a note."""
    for kind, entries in (("archives", situation.archives), ("modules", situation.modules)):
        for arch, path in entries.items():
            name = f"{kind.removesuffix('s')} {machine_name(arch, question.kernel.name)}"
            if path is None:
                yield Check(name, State.NOTE, "no whole one for the present source; lazymmu run builds it", _SETUP)
                continue
            wrong = integrity.elf(path, arch) if kind == "modules" else integrity.damage(kind, path)
            if wrong:
                yield Check(name, State.BROKEN, f"{path} {wrong}", f"rm {path}", blocks=True)
            else:
                yield Check(name, State.OK, f"{path.name}, {megabytes(path.stat().st_size)}")


def _chosen(
    question: Question, situation: Situation, sandbox: Sandbox | None, machine: Architecture
) -> tuple[str, str, bool | None]:
    """Return accelerator, reason, and whether that is an earlier trial's answer (None: no trial is needed)."""
    arch = machine.name
    kernel, archive = situation.installed.get(arch), situation.archives.get(arch)
    box = sandbox or Sandbox(name="bwrap", root=situation.root or Path("/"))
    boot = untried_boot(box, machine, kernel.image if kernel else box.root / "none")

    def never(_: object) -> None:
        raise NotThere("a trial")

    cache = question.looking()
    try:
        looked = accelerator.choose(cache, boot, RunningGuests().start, never)
    except NotThere:
        if sandbox is None or not (kernel and archive and situation.modules.get(arch)):
            return "unknown", "/dev/kvm is there; the first run tries it, when all is fetched and built", None
        # The very way of a run; archive and module are there, so that nothing is built.
        images = Images(
            cache=question.cache, sandboxes={arch: box}, kernels=situation.installed, name=question.kernel.name
        )
        looked = prepare(images, arch, 1.0, RunningGuests()).boot.accelerator
        return looked.name, looked.reason, False
    return looked.name, looked.reason, True if cache.found else None


def accelerators(question: Question, situation: Situation, sandbox: Sandbox | None) -> Iterator[Check]:
    """Yield what would run each architecture's instructions, and why."""
    origin: Mapping[bool | None, str] = {
        None: "",
        True: "; from the cache: tried before, since this host booted",
        False: "; tried just now",
    }
    for arch in question.arches:
        if arch in situation.refused:
            continue
        name = f"accelerator {machine_name(arch, question.kernel.name)}"
        try:
            chosen, reason, cached = _chosen(question, situation, sandbox, architectures()[arch])
        except (LazymmuError, OSError) as error:
            message = error.message if isinstance(error, GuestError) else str(error)
            yield Check(name, State.NOTE, f"cannot be tried: {message}")
            continue
        facts = {"arch": arch, "accelerator": chosen, "reason": reason, "cached": cached is True}
        state = State.NOTE if chosen == "unknown" else State.OK
        yield Check(name, state, f"{chosen} ({reason}){origin[cached]}", facts=facts)
