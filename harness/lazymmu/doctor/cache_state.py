# SPDX-License-Identifier: GPL-2.0-only
"""What a run would find in the cache, and so what it would have to fetch and to build first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from msgspec import Struct, field

from lazymmu.architecture import architectures, default_names
from lazymmu.provision import builds, checksum, kernels, tool_root
from lazymmu.provision.cache import Cache, whole
from lazymmu.provision.catalogue import Kernel
from lazymmu.provision.kernels import InstalledKernel, Release
from lazymmu.provision.resolution_cache import answers, now
from lazymmu.provision.sandbox import Sandbox
from lazymmu.support.errors import LazymmuError


class NotThere(LazymmuError):
    """An entry that a run would make now."""


class LookingCache(Cache, frozen=True):
    """The cache for one who only looks: what is not there is not made."""

    #: What was asked for and is there.
    found: list[Path] = field(default_factory=list)

    def obtain(
        self,
        target: Path,
        what: str,
        _build: Callable[[Path], None],
        *,
        needs: int = 0,
        look: Callable[[Path], str | None] = checksum.mismatch,
    ) -> Path:
        """Return `target` if it is there and whole; NotThere otherwise, for a run would make it anew."""
        if whole(target, look):
            self.found.append(target)
            return target
        size = f" ({needs} bytes)" if needs else ""
        raise NotThere(f"the {what}{size} is not there")


class Question(Struct, frozen=True):
    """Which run is asked about: one of a kernel, on all architectures of the default run."""

    cache: Cache
    kernel: Kernel
    offline: bool

    @property
    def arches(self) -> tuple[str, ...]:
        """The architectures of the default run that have this kernel."""
        return tuple(arch for arch in default_names() if arch in self.kernel.flavours)

    def looking(self) -> LookingCache:
        """Return the cache, to look only."""
        return LookingCache(self.cache.root, self.cache.progress)


class Situation(Struct, frozen=True):
    """What is there for that run."""

    #: Where the tool root stands or would; None on a host for which there is none.
    root: Path | None = None
    root_there: bool = False
    #: Architecture -> what the kernel is locked to, and the kernel in the tool root.
    locked: Mapping[str, Release] = field(default_factory=dict)
    installed: Mapping[str, InstalledKernel] = field(default_factory=dict)
    #: Architecture -> guest archive and module for it, None where a run would build it.
    archives: Mapping[str, Path | None] = field(default_factory=dict)
    modules: Mapping[str, Path | None] = field(default_factory=dict)
    #: Architecture -> why a run would do without the kernel, as apt said not long ago.
    refused: Mapping[str, str] = field(default_factory=dict)
    #: Why a lock file, or the cache, could not be read.
    trouble: LazymmuError | OSError | None = None

    def must_fetch(self, question: Question) -> bool:
        """Return whether a run would need the network."""
        return not self.root_there or {*self.installed, *self.refused} != set(question.arches)

    def must_build(self, question: Question) -> bool:
        """Return whether a run would build an archive or a module."""
        there = [*self.archives.values(), *self.modules.values()]
        return self.must_fetch(question) or None in there


def _there(ask: Callable[[], Path]) -> Path | None:
    try:
        return ask()
    except NotThere:
        return None


def find(question: Question) -> Situation:
    """Look at the cache; what cannot be read is the situation's `trouble`."""
    try:
        root = tool_root.path(question.cache)
    except LazymmuError as error:
        return Situation(trouble=error)
    locked: Mapping[str, Release] = {}
    try:
        root_there = root.is_dir()
        locked = kernels.locked(question.cache, question.kernel)
        found = {
            arch: kernels.find(root, question.kernel, arch, release)
            for arch, release in locked.items()
            if root_there and arch in question.arches
        }
    except (LazymmuError, OSError) as error:
        return Situation(root=root, root_there=_is_there(root), locked=locked, trouble=error)
    installed = {arch: kernel for arch, kernel in found.items() if kernel is not None}
    cache, sandbox = question.looking(), Sandbox(name="bwrap", root=root)
    archives: dict[str, Path | None] = {}
    modules: dict[str, Path | None] = {}
    time = now()
    refused = {
        arch: answer.refusal()
        for arch, answer in answers(question.cache, question.kernel).items()
        if answer.reason and arch not in locked and (question.offline or answer.believed(time))
    }
    for arch in question.arches:
        if arch in refused:
            continue
        machine, kernel = architectures()[arch], installed.get(arch)
        archives[arch] = _there(partial(builds.archive, cache, sandbox, machine))
        modules[arch] = _there(partial(builds.module, cache, sandbox, machine, kernel)) if kernel else None
    return Situation(root, root_there, locked, installed, archives, modules, refused)


def _is_there(root: Path) -> bool:
    try:
        return root.is_dir()
    except OSError:
        return False
