# SPDX-License-Identifier: GPL-2.0-only
"""Checks of what guests are made of: the tool root and its programs, kernels, archives, modules, SSH servers."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

from lazymmu.architecture import architectures
from lazymmu.doctor.cache_state import CacheState
from lazymmu.doctor.check import Check, State
from lazymmu.guests import ssh_keys
from lazymmu.provision import ssh_image
from lazymmu.provision.cache import whole
from lazymmu.provision.cache_entries import megabytes
from lazymmu.provision.checksum import entry_damage
from lazymmu.provision.sandbox import Sandbox
from lazymmu.provision.subprocesses import tethered
from lazymmu.support.errors import LazymmuError
from lazymmu.support.machine_names import DEFAULT_KERNEL, machine_name

_SETUP = "lazymmu setup"
_CLEAN = "lazymmu clean"
# A program that hangs must not hang the doctor (seconds).
_TIMEOUT = 30.0


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
    done = subprocess.run(
        tethered(sandbox.command([f"/usr/bin/{name}", "--version"])),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=_TIMEOUT,
    )
    text = done.stdout.decode(errors="replace")
    version = re.search(r"\d+(\.\d+)+", text.partition("\n")[0])
    if done.returncode == 0 and version:
        return Check(name, State.OK, version.group(), facts={"version": version.group()})
    lines = (done.stderr.decode(errors="replace") or text).strip().splitlines()
    found = f"does not start in the tool root: {lines[-1] if lines else f'status {done.returncode}'}"
    return Check(name, State.BROKEN, found, f"{_CLEAN} --all && {_SETUP}", blocks=True)


def kernels(state: CacheState) -> Iterator[Check]:
    """Check for each architecture that the locked kernel is present and undamaged."""
    if state.error is not None:
        hint = state.error.hint if isinstance(state.error, LazymmuError) else None
        found = str(state.error).partition("\n")[0]
        yield Check(f"kernel {state.kernel.name}", State.BROKEN, found, hint or "", blocks=True)
        return
    for arch in state.arches:
        yield _kernel(state, arch)


def _kernel(state: CacheState, arch: str) -> Check:
    name = f"kernel {state.kernel.name} {arch}"
    again = _SETUP if state.kernel.name == DEFAULT_KERNEL else f"{_SETUP} --kernel {state.kernel.name}"
    if arch in state.refused:
        # A run leaves this architecture out. It needs at least one.
        alone = set(state.refused) == set(state.arches)
        found = f"does not resolve: {state.refused[arch]}"
        return Check(name, State.MISSING if alone else State.NOTE, found, again, blocks=alone)
    release, installed = state.locked.get(arch), state.installed.get(arch)
    if release is None:
        found = f"no version is locked yet, {_not_in_cache(state)}"
        return Check(name, State.MISSING, found, again, blocks=state.offline)
    version = f"Linux {release.release} (package {release.version})"
    facts = {"release": release.release, "version": release.version}
    if installed is None or state.root is None:
        found = f"locked to {version}, not in the cache, {_not_in_cache(state)}"
        return Check(name, State.MISSING, found, again, blocks=state.offline, facts=facts)
    wrong = entry_damage(installed.image)
    if wrong:
        found = f"{version}: {installed.image} {wrong}"
        return Check(name, State.BROKEN, found, f"{_CLEAN} && {again}", blocks=True, facts=facts)
    headers = state.root / installed.headers.lstrip("/")
    if not headers.is_dir():
        found, remedy = f"{version}: its headers {headers} are missing", f"rm {installed.image} && {again}"
        return Check(name, State.BROKEN, found, remedy, blocks=state.modules.get(arch) is None, facts=facts)
    return Check(name, State.OK, version, facts=facts)


def builds(state: CacheState) -> Iterator[Check]:
    """Check that the current module and agent are built. A run builds what is missing."""
    for kind, paths in (("archive", state.archives), ("module", state.modules)):
        for arch, path in paths.items():
            name = f"{kind} {machine_name(arch, state.kernel.name)}"
            if path is None:
                yield Check(name, State.NOTE, "not built for the current source; lazymmu run builds it", _SETUP)
            else:
                yield Check(name, State.OK, f"{path.name}, {megabytes(path.stat().st_size)}")


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


def ssh_servers(state: CacheState) -> Iterator[Check]:
    """Check the servers, with their network driver, that only runs over SSH need."""
    if state.root is None:
        return
    for arch, kernel in state.installed.items():
        name = f"SSH server {machine_name(arch, state.kernel.name)}"
        path = ssh_image.parts_path(state.root, arch, kernel)
        if whole(path):
            yield Check(name, State.OK, path.name)
        else:
            found = f"not in the cache, {_not_in_cache(state, 'a run over SSH')}"
            yield Check(name, State.NOTE, found, f"{_SETUP} --transport ssh")
