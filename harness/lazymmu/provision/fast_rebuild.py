# SPDX-License-Identifier: GPL-2.0-only
"""Folders in which kbuild works again and again, so that a module of which one file changed costs one compilation.

What kbuild finds there depends on contents and not on times: the object of a source file that changed is removed, and
when anything else changed, all of them are. A build that did not come to its end leaves nothing to the next one, save
one that refused a source file; nor does one whose folder is no longer as it was left, to the last byte: an object that
is not of its source makes a module that looks like a wrong implementation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lazymmu.provision.cache import digest, remove
from lazymmu.provision.subprocesses import ToolError

# Stands in a folder in which the last build came to its end, and tells what is in it.
_WHOLE = ".whole"
# The compiler, and what looks for the symbols that a module needs.
_REFUSALS = (": error: ", "ERROR: modpost: ")


def files(source: Path, own: Mapping[str, bytes]) -> dict[Path, bytes]:
    """Return the files of a folder by their names in it, those of `own` among them or in their place."""
    found = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    return {**found, **{Path(name): content for name, content in own.items()}}


@contextmanager
def folder(work: Path, files: Mapping[Path, bytes]) -> Iterator[None]:
    """Bring a folder to these files for a build within the `with`; whoever calls has the folder's lock.

    Objects of unchanged files are there when an earlier build left them.
    """
    if not _keep_objects(work, files):
        remove(work)
    for name, content in files.items():
        path = work / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    with unfinished(work):
        yield


@contextmanager
def unfinished(work: Path) -> Iterator[None]:
    """For the length of a `with`, let what is in the folder be worth nothing; at its end it is whole again.

    So it is when a file was refused, for then its object is not there.
    """
    (work / _WHOLE).unlink(missing_ok=True)
    try:
        yield
    except ToolError as error:
        if refused(error):
            (work / _WHOLE).write_text(_state(work), encoding="ascii")
        raise
    (work / _WHOLE).write_text(_state(work), encoding="ascii")


def _state(work: Path) -> str:
    """Return a key for all that is in a folder."""
    found = sorted(path for path in work.rglob("*") if path.is_file() and path.name != _WHOLE)
    return digest(part for path in found for part in (str(path.relative_to(work)), path.read_bytes()))


def _is_whole(work: Path) -> bool:
    """Return whether the last build in a folder came to its end, and nobody changed anything in it since."""
    mark = work / _WHOLE
    return mark.is_file() and mark.read_text(encoding="ascii", errors="replace") == _state(work)


def refused(error: ToolError) -> bool:
    """Return whether a build failed for what is in a source file."""
    return any(said in error.output for said in _REFUSALS)


def changed(work: Path, files: Mapping[Path, bytes]) -> list[Path]:
    """Return the C files that a folder has not got as they are here; none when it is not whole, or lacks others."""
    if not _is_whole(work):
        return []
    # A source that is gone changes what is linked; kbuild itself makes NAME.mod.c.
    if any(path.relative_to(work) not in files for path in work.rglob("*.c") if not path.name.endswith(".mod.c")):
        return []
    found = [name for name, content in files.items() if not _same(work / name, content)]
    return found if all(name.suffix == ".c" for name in found) else []


def _same(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _keep_objects(work: Path, files: Mapping[Path, bytes]) -> bool:
    """Remove all but the unchanged sources and their objects; return whether these can be used."""
    if not _is_whole(work):
        return False
    (work / _WHOLE).unlink()
    unchanged = {name for name, content in files.items() if _same(work / name, content)}
    if any(name.suffix != ".c" for name in files.keys() - unchanged):
        return False
    sources = {name for name in unchanged if name.suffix == ".c"}
    # kbuild's record of the command and of the headers stands beside the object.
    objects = {made for name in sources for made in (name.with_suffix(".o"), name.with_name(f".{name.stem}.o.cmd"))}
    for path in work.rglob("*"):
        if path.is_file() and path.relative_to(work) not in unchanged | objects:
            path.unlink()
    return True
