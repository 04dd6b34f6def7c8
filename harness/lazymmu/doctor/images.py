# SPDX-License-Identifier: GPL-2.0-only
"""Checks of what guests are made of: the tool root and its programs, kernels, builds, SSH keys, accelerators."""

import re
from collections.abc import Iterator
from pathlib import Path

from lazymmu.architecture import architectures
from lazymmu.doctor.cache_state import SSH_SERVER, CacheState
from lazymmu.doctor.check import Check, State, guarded
from lazymmu.doctor.host import run
from lazymmu.guests import accelerator, ssh_keys
from lazymmu.guests.boot import Accelerator
from lazymmu.guests.machine import prepare, untried_boot
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.provision.cache_entries import megabytes
from lazymmu.provision.checksum import entry_damage
from lazymmu.provision.kernels import locked
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.setup import Images
from lazymmu.support.machine_names import DEFAULT_KERNEL, machine_name

_SETUP = "lazymmu setup"
_CLEAN = "lazymmu clean"


def _not_in_cache(state: CacheState, fetcher: str = "lazymmu run") -> str:
    return "and --offline forbids fetching it" if state.offline else f"{fetcher} fetches it"


def tool_root(state: CacheState, sandbox: Sandbox | None) -> Iterator[Check]:
    """Check that the tool root is present and its programs start."""
    if state.root is None:
        return
    if not state.root_present:
        found = f"not in the cache, {_not_in_cache(state)}"
        yield Check("tool root", State.MISSING, found, _SETUP, blocks=state.offline)
        return
    yield Check("tool root", State.OK, str(state.root))
    if sandbox is not None:
        machines = [architectures()[arch] for arch in state.arches]
        compilers = [f"{machine.compiler_prefix}gcc" for machine in machines]
        for program in dict.fromkeys((*(machine.qemu for machine in machines), *compilers, "make")):
            yield _program(sandbox, program)


def _program(sandbox: Sandbox, name: str) -> Check:
    """Check that a program in the tool root starts: it prints its version."""
    output, failure = run(sandbox, f"/usr/bin/{name}", "--version")
    version = re.search(r"\d+(\.\d+)+", output.partition("\n")[0])
    if version and failure is None:
        return Check(name, State.OK, version.group(), facts={"version": version.group()})
    found = f"does not start in the tool root: {failure or output.strip()}"
    return Check(name, State.BROKEN, found, f"{_CLEAN} --all && {_SETUP}", blocks=True)


def kernels(state: CacheState) -> Iterator[Check]:
    """Check for each architecture that the locked kernel is present and undamaged."""
    if state.error is not None:
        raise state.error
    for arch in state.arches:
        yield _kernel(state, arch)


def _kernel(state: CacheState, arch: str) -> Check:
    name = f"kernel {state.kernel.name} {arch}"
    again = _SETUP if state.kernel.name == DEFAULT_KERNEL else f"{_SETUP} --kernel {state.kernel.name}"
    if arch in state.refused:
        # A run leaves this architecture out. It needs at least one.
        alone = set(state.refused) == set(state.arches)
        return Check(name, State.MISSING if alone else State.NOTE, state.refused[arch], again, blocks=alone)
    release, installed = locked(state.cache, state.kernel).get(arch), state.installed.get(arch)
    version = f"Linux {release.release} (package {release.version})" if release else ""
    facts = {"release": release.release, "version": release.version} if release else {}
    if installed is None or state.root is None:
        found = f"locked to {version}, not in the cache" if release else "no version is locked yet"
        found = f"{found}, {_not_in_cache(state)}"
        return Check(name, State.MISSING, found, again, blocks=state.offline, facts=facts)
    wrong = entry_damage(installed.image)
    if wrong:
        found = f"{version}: {installed.image} {wrong}"
        return Check(name, State.BROKEN, found, f"{_CLEAN} && {again}", blocks=True, facts=facts)
    headers = state.root / installed.headers.lstrip("/")
    if not headers.is_dir():
        found, remedy = f"{version}: its headers {headers} are missing", f"rm {installed.image} && {again}"
        return Check(name, State.BROKEN, found, remedy, blocks=not state.builds(arch)["module"], facts=facts)
    return Check(name, State.OK, version, facts=facts)


def builds(state: CacheState) -> Iterator[Check]:
    """Check what is built for guests, and the servers that only runs over SSH need. A run makes what is missing."""
    for arch in state.arches:
        for kind, path in state.builds(arch).items():
            name = f"{kind} {machine_name(arch, state.kernel.name)}"
            if path is not None:
                yield Check(name, State.OK, f"{path.name}, {megabytes(path.stat().st_size)}")
            elif kind == SSH_SERVER:
                found = f"not in the cache, {_not_in_cache(state, 'a run over SSH')}"
                yield Check(name, State.NOTE, found, f"{_SETUP} --transport ssh")
            else:
                yield Check(name, State.NOTE, "not built for the current source; lazymmu run builds it", _SETUP)


def ssh_key_files() -> Iterator[Check]:
    """Check the keys that only runs over SSH need."""
    folder = ssh_keys.default_folder()
    wrong = ssh_keys.problem(folder)
    if wrong is not None:
        yield Check("SSH keys", State.BROKEN, wrong, f"rm -r {folder}")
    elif folder.exists():
        yield Check("SSH keys", State.OK, str(folder))
    else:
        found = f"none in {folder} yet; the first run over SSH creates them"
        yield Check("SSH keys", State.NOTE, found, f"{_SETUP} --transport ssh")


def accelerators(state: CacheState, sandbox: Sandbox | None) -> Iterator[Check]:
    """Check what would execute the instructions of each architecture's guests: KVM or emulation, and why."""
    for arch in state.arches:
        if arch not in state.refused:
            name = f"accelerator {machine_name(arch, state.kernel.name)}"
            yield from guarded(name, _accelerator, name, state, sandbox, arch, blocks=False)


def _accelerator(name: str, state: CacheState, sandbox: Sandbox | None, arch: str) -> Iterator[Check]:
    box = sandbox or Sandbox(name="bwrap", root=state.root or Path("/"))
    kernel = state.installed.get(arch)
    boot = untried_boot(box, architectures()[arch], kernel.image if kernel else box.root / "none")
    emulation = accelerator.without_kvm(boot)
    earlier = None if emulation else accelerator.earlier_trial(state.cache, boot)
    chosen, when = emulation or earlier, "; an earlier run tried it" if earlier else ""
    built = state.builds(arch)
    if chosen is None and sandbox and built.get("archive") and built.get("module"):
        # A run does the same. It builds nothing, since archive and module are present.
        images = Images(state.cache, {arch: sandbox}, state.installed, name=state.kernel.name)
        chosen, when = prepare(images, arch, 1.0, RunningGuests()).boot.accelerator, "; tried now"
    chosen = chosen or Accelerator("unknown", "/dev/kvm is usable; the first run tries it")
    yield Check(
        name,
        State.NOTE if chosen.name == "unknown" else State.OK,
        f"{chosen.name} ({chosen.reason}){when}",
        facts={"arch": arch, "accelerator": chosen.name, "reason": chosen.reason, "cached": earlier is not None},
    )
