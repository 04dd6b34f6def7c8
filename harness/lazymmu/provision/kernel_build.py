# SPDX-License-Identifier: GPL-2.0-only
"""Builds small kernels from a source tree, with the compilers of the tool root. `lazymmu kernel build` is this.

The tree's own merge_config.sh merges the fragments, and `allnoconfig` completes them (KCONFIG_ALLCONFIG). The tree can
only be read. kbuild works in a folder of the cache (O=), which stays, so that the next build compiles what changed.
"""

import os
import re
from pathlib import Path

from msgspec import Struct

from lazymmu.architecture import Architecture, architectures
from lazymmu.provision import kernel_config, own_kernels, parts, setup, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import digest
from lazymmu.provision.sandbox import Sandbox, choose
from lazymmu.provision.subprocesses import ToolError
from lazymmu.support.errors import SetupError, UsageError

#: Bytes on disk of a build with its objects; one with debug information needs more.
NEEDS = 600_000_000
# What kbuild puts into the kernel beside its source: without it, the same source gives the same kernel.
_SAME = ("LOCALVERSION=", "KBUILD_BUILD_TIMESTAMP=@0", "KBUILD_BUILD_USER=lazymmu", "KBUILD_BUILD_HOST=lazymmu")
# The lines of a failed build that say what is wrong, and how many of them are worth reading.
_WRONG = re.compile(r"(: (fatal )?error: |undefined reference|^ERROR: |multiple definition|: \*\*\* |not found$)")
_MOST = 30
# kbuild builds no tree elsewhere in which something was built (Linux: Makefile, outputmakefile).
_IN_PLACE = (".config", "include/config", "arch/{}/include/generated")


class Recipe(Struct, frozen=True):
    """What to build."""

    source: Path
    arch: str
    #: Words of --debug.
    debug: tuple[str, ...] = ()
    #: The user's own fragments.
    fragments: tuple[Path, ...] = ()
    #: The folder of the build; None is one of the cache for this tree, architecture and configuration.
    out: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder of the build."""
        own = [f"{file.stem}" for file in self.fragments]
        return self.out or own_kernels.builds_of(self.source) / "+".join([self.arch, *self.debug, *own])


class BuildError(SetupError):
    """A tree that does not build."""


def check(recipe: Recipe) -> str:
    """Return the version of the tree. Raises UsageError for what cannot be built at all."""
    what = f"kernel build {recipe.source}"
    version = own_kernels.check_source(recipe.source, what)
    architecture = architectures()[recipe.arch]
    if not (recipe.source / "arch" / architecture.kbuild / "Makefile").is_file():
        raise UsageError(f"{what}: it has no arch/{architecture.kbuild}, which {recipe.arch} needs")
    there = [one.format(architecture.kbuild) for one in _IN_PLACE]
    if found := [one for one in there if (recipe.source / one).exists()]:
        raise UsageError(
            f"{what}: the tree was built in place: it has {', '.join(found)}. kbuild builds no such tree elsewhere",
            hint=f"`run --kernel {recipe.source}` runs what was built there; `make mrproper` cleans the tree",
        )
    for file in recipe.fragments:
        if not file.is_file():
            raise UsageError(f"--fragment {file}: there is no such file")
    if recipe.folder.resolve().is_relative_to(recipe.source.resolve()):
        raise UsageError(f"--out {recipe.out}: it is in the tree, into which nothing is written")
    return version


def build(cache: Cache, recipe: Recipe, *, offline: bool = False) -> list[str]:
    """Build a kernel, or what changed of it. Returns the options that could not be set, each with the reason.

    Raises UsageError if one of them is needed or is what a debug word means, and BuildError with the compiler's lines.
    """
    version, architecture = check(recipe), architectures()[recipe.arch]
    sandbox = _sandbox(cache, recipe.arch, offline=offline)
    folder = recipe.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    kbuild = _Kbuild(cache, sandbox, recipe.source.resolve(), folder.resolve(), architecture)
    with cache.locked(cache.root / "trees" / digest([str(folder)]), f"kernel in {folder}"):
        (folder / own_kernels.BUILT).unlink(missing_ok=True)
        unset = kbuild.configure(recipe)
        with cache.progress.step(f"building Linux {version} for {recipe.arch}", "minutes the first time"):
            kbuild.make(Path(architecture.images[0]).name, "modules")
        (folder / own_kernels.BUILT).write_text(f"{recipe.arch}\n", encoding="utf-8")
    return unset


def _sandbox(cache: Cache, arch: str, *, offline: bool) -> Sandbox:
    """Return the sandbox of a tool root that also has what only the build of a kernel needs."""
    wanted = [parts.host_tools(), parts.host_build(), parts.tools(arch)]
    setup.obtain_tools(cache, wanted, offline=offline)
    tools = tool_root.part_for_kernels(cache, arch)
    if tools is None:
        raise SetupError(f"the tools that build a kernel for {arch} are not resolved")
    sandbox = choose(tool_root.assemble(cache, tools))
    sandbox.equip()
    return sandbox


class _Kbuild(Struct, frozen=True):
    """kbuild in the sandbox: it reads the source, and writes only its own folder."""

    cache: Cache
    sandbox: Sandbox
    source: Path
    folder: Path
    architecture: Architecture

    def run(self, *command: str) -> str:
        """Run a command in the folder. Raises ToolError."""
        own = self.folder / "lazymmu"
        words = ["env", f"--chdir={self.folder}", f"TMPDIR={own}", *command]
        folders = {self.source: False, self.folder: True}
        return self.cache.tools.run(self.sandbox.command(words, folders=folders), what=f"kernel in {self.folder}")

    def make(self, *words: str) -> None:
        """Run make. Raises BuildError with the lines that say what is wrong."""
        tools = (f"ARCH={self.architecture.kbuild}", f"CROSS_COMPILE={self.architecture.compiler_prefix}")
        jobs = f"-j{len(os.sched_getaffinity(0))}"
        try:
            self.run("make", "-s", jobs, "-C", str(self.source), f"O={self.folder}", *tools, *_SAME, *words)
        except ToolError as error:
            every = error.output.splitlines()
            wrong = [line for line in every if _WRONG.search(line)] or every
            lines = "\n".join(f"    {line}" for line in wrong[:_MOST])
            raise BuildError(f"{self.source} does not build for {self.architecture.name}:\n{lines}") from error

    def configure(self, recipe: Recipe) -> list[str]:
        """Write the configuration. Returns and raises what `build` does for its options."""
        own = self.folder / "lazymmu"
        own.mkdir(exist_ok=True)
        copies = []
        for number, file in enumerate(kernel_config.fragments(recipe.arch, recipe.debug, recipe.fragments)):
            copies.append(own / f"{number}-{file.name}")
            copies[-1].write_bytes(file.read_bytes())
        merged = own / "merged"
        script = self.source / "scripts/kconfig/merge_config.sh"
        named = f"KCONFIG_CONFIG={merged}"
        self.run("env", named, "sh", str(script), "-m", "-O", str(own), *map(str, copies))
        self.make(f"KCONFIG_ALLCONFIG={merged}", "allnoconfig")
        config = kernel_config.read(self.folder / ".config")
        needed = kernel_config.needed(recipe.arch)
        unmet = kernel_config.unmet(config, {**kernel_config.read(merged), **needed})
        definitions = kernel_config.Definitions(self.source, self.architecture.kbuild, unmet)
        asked = {name for file in recipe.fragments for name in kernel_config.read(file)}
        # The first option of a debug word is the word's meaning. The others depend on the version.
        words = {next(iter(kernel_config.read(kernel_config.debug_fragment(word)))): word for word in recipe.debug}
        # Our fragments fit several versions of Linux. One that this tree does not know is only named if a run needs it.
        in_any_case = {*asked, *words, *needed}
        lines = {
            name: f"{kernel_config.line(name, value)}: {definitions.why(name, value, config)}"
            for name, value in unmet.items()
            if name in definitions or name in in_any_case
        }
        if lost := [name for name in lines if name in words or (name in needed and name in definitions)]:
            text = "".join(f"\n    {f'--debug {words[name]}: ' if name in words else ''}{lines[name]}" for name in lost)
            raise UsageError(f"kernel build {recipe.source}: on {recipe.arch} this is needed and cannot be set:{text}")
        return list(lines.values())
