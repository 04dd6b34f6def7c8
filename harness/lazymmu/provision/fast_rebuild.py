# SPDX-License-Identifier: GPL-2.0-only
"""Builds a module again in the folder of its last build, so that the edit of one file costs one compilation.

kbuild's makefiles take longer than the compiler. If only C files changed, the commands that kbuild recorded for them
(`.NAME.cmd`) run, in the folder that guest/module/Kbuild recorded. Otherwise kbuild runs; it finds the objects of
unchanged C files, unless a header or a makefile changed, came or went. The folder must be as the last build left it,
to the last byte: an object of another source would make a module that looks like a wrong implementation.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lazymmu.provision.cache import remove
from lazymmu.provision.keys import digest
from lazymmu.provision.subprocesses import ToolError

# Marks a folder whose last build completed. It holds a digest of the folder.
_COMPLETE = ".complete"
# A digest of the source files that every object may depend on: headers, makefiles, all but C files.
_SHARED = ".shared"
# From guest/module/Kbuild: the architecture's name in the kernel's sources, and the folder in which commands run.
_WHERE = ".where"
# Before the target in kbuild's record.
_SAVED = "savedcmd_"
# What the compiler and modpost print when a source file is wrong.
_REFUSALS = (": error: ", "ERROR: modpost: ")


def files(source: Path, own: Mapping[str, bytes]) -> dict[Path, bytes]:
    """Return the files of a folder by their names in it; those of `own` replace them or are added."""
    found = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    return {**found, **{Path(name): content for name, content in own.items()}}


def build(
    work: Path,
    inside: str,
    files: Mapping[Path, bytes],
    name: str,
    make: Sequence[str],
    run: Callable[[Sequence[str]], object],
) -> None:
    """Make the module `name` of these files in a folder, whose lock the caller holds.

    `run` runs a command in the sandbox, where the folder's name is `inside`; `make` is kbuild's. Raises ToolError.
    """
    if not _replay(work, inside, files, name, run):
        _prepare(work, files)
        with _complete_at_end(work):
            run(make)


def _replay(
    work: Path, inside: str, files: Mapping[Path, bytes], name: str, run: Callable[[Sequence[str]], object]
) -> bool:
    """Run the recorded commands, and return whether that was possible. Raises ToolError for a refused source file."""
    changed = [path for path, content in files.items() if not _same(work / path, content)]
    gone = {path.relative_to(work) for path in work.rglob("*.c")} - files.keys() - {Path(f"{name}.mod.c")}
    if not changed or gone or not _has_shared(work, files) or not _is_complete(work):
        return False
    script = _script(work, inside, changed, name)
    if script is None:
        return False
    before = (work / f"{name}.mod.c").read_bytes()
    try:
        with _complete_at_end(work):
            for path in changed:
                (work / path).write_bytes(files[path])
            try:
                run(["sh", "-c", script])
            except ToolError:
                # Undo, so that the next build compiles these files again.
                for path in changed:
                    (work / path).unlink()
                (work / f"{name}.mod.c").write_bytes(before)
                raise
    except ToolError as error:
        if _is_refusal(error):
            raise
        return False
    return True


def _script(work: Path, inside: str, changed: Collection[Path], name: str) -> str | None:
    """Return the commands that make the module from changed C files; None if some were not recorded."""
    objects = [*(str(file.with_suffix(".o")) for file in changed), f"{name}.o"]
    try:
        arch, folder = (work / _WHERE).read_text().split()
        commands = [_recorded(work, target) for target in objects]
        # modpost writes which symbols the module needs, mostly the same as before.
        symbols, symbols_object = _recorded(work, "Module.symvers"), _recorded(work, f"{name}.mod.o")
        module = _recorded(work, f"{name}.ko")
    except (FileNotFoundError, ValueError):
        return None
    source = f"{inside}/{name}.mod.c"
    lines = ["set -e", f"export SRCARCH={arch}", f"cd {folder}", *commands, f"cp {source} {source}.before", symbols]
    lines += [f"cmp -s {source} {source}.before || {{ {symbols_object}; }}", f"rm {source}.before", module]
    return "\n".join(lines)


def _recorded(work: Path, made: str) -> str:
    """Return the command that kbuild recorded for a file. Raises ValueError or FileNotFoundError."""
    first, _, _ = (work / f".{made}.cmd").read_text().partition("\n")
    target, assigned, command = first.partition(" := ")
    if not target.startswith(_SAVED) or not assigned:
        raise ValueError(f"{made}: no command")
    # The record is written for make.
    return command.strip().replace("$(pound)", "#").replace("$$", "$")


def _prepare(work: Path, files: Mapping[Path, bytes]) -> None:
    """Bring a folder to these files. The objects of unchanged C files stay if they can be used."""
    unchanged = {path for path, content in files.items() if _same(work / path, content)}
    if not _is_complete(work) or not _has_shared(work, files):
        remove(work)
    else:
        # kbuild's record of the command and of the headers is beside the object.
        sources = [path for path in unchanged if path.suffix == ".c"]
        objects = {made for c in sources for made in (c.with_suffix(".o"), c.with_name(f".{c.stem}.o.cmd"))}
        for path in work.rglob("*"):
            if path.is_file() and path.relative_to(work) not in unchanged | objects | {Path(_SHARED)}:
                path.unlink()
    for path, content in files.items():
        if not (work / path).exists():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_bytes(content)
    (work / _SHARED).write_text(_shared(files), encoding="ascii")


def _shared(files: Mapping[Path, bytes]) -> str:
    found = sorted((str(path), content) for path, content in files.items() if path.suffix != ".c")
    return digest(part for pair in found for part in pair)


def _has_shared(work: Path, files: Mapping[Path, bytes]) -> bool:
    """Return whether the last build had the same headers and makefiles: none other, none more and none fewer."""
    return _same(work / _SHARED, _shared(files).encode("ascii"))


@contextmanager
def _complete_at_end(work: Path) -> Iterator[None]:
    """Let the folder count as incomplete until the end of a `with`. It is complete also if a file was refused."""
    (work / _COMPLETE).unlink(missing_ok=True)
    try:
        yield
    except ToolError as error:
        if _is_refusal(error):
            (work / _COMPLETE).write_text(_state(work), encoding="ascii")
        raise
    (work / _COMPLETE).write_text(_state(work), encoding="ascii")


def _state(work: Path) -> str:
    found = sorted(path for path in work.rglob("*") if path.is_file() and path.name != _COMPLETE)
    return digest(part for path in found for part in (str(path.relative_to(work)), path.read_bytes()))


def _is_complete(work: Path) -> bool:
    """Return whether the last build in a folder was complete and nobody changed anything since."""
    mark = work / _COMPLETE
    return mark.is_file() and mark.read_text(encoding="ascii", errors="replace") == _state(work)


def _is_refusal(error: ToolError) -> bool:
    return any(said in error.output for said in _REFUSALS)


def _same(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content
