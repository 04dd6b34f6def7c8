# SPDX-License-Identifier: GPL-2.0-only
"""Checks of what guests are made of: kernels, tool roots and their programs, builds, accelerators."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from lazymmu.architecture import DEFAULT_KERNEL, architectures, machine_name
from lazymmu.doctor.check import Check, State, guarded
from lazymmu.guests import accelerator
from lazymmu.guests.boot import Accelerator
from lazymmu.guests.machine import untried_boot
from lazymmu.provision import builds, kernels, packages, setup, ssh_image
from lazymmu.provision.cache import Cache, whole
from lazymmu.provision.cache_contents import megabytes
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.checksum import entry_damage
from lazymmu.provision.sandbox import Sandbox, run
from lazymmu.provision.setup import Contents

_SETUP = "lazymmu setup"
_SSH_SETUP = f"{_SETUP} --transport ssh"
# What only runs over SSH need.
_SSH_SERVER = "SSH server"


class CacheState(Struct):
    """What the cache holds for a run of one kernel, once `read` has been called."""

    cache: Cache
    kernel: Kernel
    offline: bool
    #: Whether every byte is compared, and programs are started.
    deep: bool
    #: The architectures of the run.
    named: tuple[str, ...]
    #: Those of them that have this kernel.
    arches: tuple[str, ...] = ()
    #: Tool roots and kernels.
    present: Contents = Contents()
    #: What is built for an architecture's guests; None if the cache does not have it.
    built: dict[str, dict[str, Path | None]] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Whether a run would write to the cache."""
        lacks = {*self.present.kernels, *self.present.refused} != set(self.arches)
        paths = (path for built in self.built.values() for kind, path in built.items() if kind != _SSH_SERVER)
        return lacks or None in paths

    @property
    def needs(self) -> int:
        """The bytes that a run needs on the disk."""
        return packages.UNPACKED * self.present.size(self.cache) or builds.NEEDS

    def read(self) -> Iterable[Check]:
        """Look into the cache; there is nothing to check. Raises SetupError."""
        arches = tuple(arch for arch in self.named if arch in self.kernel.flavours)
        self.present = setup.contents(self.cache, self.kernel, arches, lambda said: self.offline or said.is_recent())
        self.arches = arches
        there: Callable[[Path], bool] = whole if self.deep else Path.exists
        for arch, root in self.present.roots.items():
            box, architecture, kernel = Sandbox("bwrap", root), architectures()[arch], self.present.kernels.get(arch)
            paths = {"archive": builds.archive_path(box, architecture)}
            if kernel is not None:
                paths["module"] = builds.module_path(box, architecture, kernel)
                paths[_SSH_SERVER] = ssh_image.parts_path(root, arch, kernel)
            self.built[arch] = {kind: path if there(path) else None for kind, path in paths.items()}
        return ()


def machine(state: CacheState, sandbox: Sandbox | None, arch: str) -> Iterator[Check]:
    """Check what guests of one architecture are made of, and what would execute their instructions."""
    name, root = machine_name(arch, state.kernel.name), state.present.roots.get(arch, state.cache.root / "roots/none")
    box = replace(sandbox, root=root) if sandbox else Sandbox("bwrap", root)
    yield _kernel(state, arch)
    if root.is_dir():
        yield _tool_root(state, root, box if sandbox and state.deep else None, arch)
    for kind, path in state.built.get(arch, {}).items():
        if path is not None:
            found = f"{path.name}, {megabytes(path.stat().st_size)}"
            yield Check(f"{kind} {name}", State.OK, found, short=kind)
        elif kind == _SSH_SERVER:
            yield Check(f"{kind} {name}", State.NOTE, "not in the cache, a run over SSH makes it", _SSH_SETUP)
        else:
            found = "not built for the current source; lazymmu run builds it"
            short = f"{kind} not built yet" if arch in state.present.kernels else ""
            yield Check(f"{kind} {name}", State.NOTE, found, _SETUP, short=short)
    if arch not in state.present.refused:
        yield from guarded(f"accelerator {name}", _accelerator, state, box, arch, blocks=False)


def _kernel(state: CacheState, arch: str) -> Check:
    """Check that the locked kernel is present, and undamaged if the doctor is thorough."""
    name, present = f"kernel {state.kernel.name} {arch}", state.present
    again = _SETUP if state.kernel.name == DEFAULT_KERNEL else f"{_SETUP} --kernel {state.kernel.name}"
    if reason := present.refused.get(arch):
        # A run leaves this architecture out. It needs at least one.
        alone = set(present.refused) == set(state.arches)
        return Check(name, State.MISSING if alone else State.NOTE, reason, again, blocks=alone, short=reason)
    how = "--offline forbids fetching it" if state.offline else "lazymmu run fetches it"
    part, installed = kernels.locked(state.cache, state.kernel, arch), present.kernels.get(arch)
    if part is None:
        return Check(name, State.MISSING, f"no version is locked yet; {how}", again, blocks=state.offline)
    version = f"Linux {part.release} (package {part.version})"
    facts = {"release": part.release, "version": part.version}
    if installed is None:
        return Check(name, State.MISSING, f"{version} is not in the cache; {how}", again, state.offline, facts)
    headers = installed.root / installed.headers.lstrip("/")
    damage = entry_damage(installed.image) if state.deep else None
    wrong = f"{installed.image} {damage}" if damage else "" if headers.is_dir() else f"{headers} is missing"
    if wrong:
        blocks = bool(damage) or not state.built[arch]["module"]
        return Check(name, State.BROKEN, f"{version}: {wrong}", f"rm {installed.image} && {again}", blocks, facts)
    return Check(name, State.OK, version, facts=facts, short=f"Linux {part.release}")


def _tool_root(state: CacheState, root: Path, sandbox: Sandbox | None, arch: str) -> Check:
    """Check that the programs of a tool root are there, and with a sandbox that they start."""
    name, versions = f"tool root {arch}", {}
    for program in (architectures()[arch].qemu, f"{architectures()[arch].compiler_prefix}gcc", "make"):
        wrong = None if (root / "usr/bin" / program).exists() else "is missing"
        if sandbox:
            output, failure = run(sandbox, f"/usr/bin/{program}", "--version")
            version = re.search(r"\d+(\.\d+)+", output.partition("\n")[0])
            versions[program] = version[0] if version else ""
            wrong = None if version and failure is None else f"does not start: {failure or output.strip()}"
        if wrong:
            remedy = f"rm -r {root.parent} {state.cache.root / 'packages'} && {_SETUP}"
            return Check(name, State.BROKEN, f"{root}: {program} {wrong}", remedy, blocks=True)
    found = ", ".join([str(root), *map(" ".join, versions.items())])
    return Check(name, State.OK, found, facts=versions, short="tools")


def _accelerator(state: CacheState, sandbox: Sandbox, arch: str) -> Iterator[Check]:
    """Check what would execute the instructions of guests: KVM or emulation, and why."""
    name, kernel = f"accelerator {machine_name(arch, state.kernel.name)}", state.present.kernels.get(arch)
    boot = untried_boot(sandbox, architectures()[arch], kernel.image if kernel else sandbox.root / "none")
    emulation = accelerator.without_kvm(boot)
    earlier = None if emulation else accelerator.earlier_trial(state.cache, boot)
    chosen, when = emulation or earlier, "; an earlier run tried it" if earlier else ""
    chosen = chosen or Accelerator("unknown", "/dev/kvm is usable; the first run tries it")
    found, unknown = f"{chosen.name} ({chosen.reason}){when}", chosen.name == "unknown"
    facts = {"arch": arch, "accelerator": chosen.name, "reason": chosen.reason, "cached": earlier is not None}
    short = "KVM not tried yet" if unknown else f"{chosen.name} ({chosen.reason.partition(':')[0]})"
    yield Check(name, State.NOTE if unknown else State.OK, found, facts=facts, short=short)
