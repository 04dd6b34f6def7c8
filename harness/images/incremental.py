# SPDX-License-Identifier: GPL-2.0-only
"""Folders in which kbuild works again and again, so that a module of which one file changed costs one compilation.

What kbuild finds there depends on contents and not on times: the object of a source file that changed is removed, and
when anything else changed, all of them are. A build that did not come to its end leaves nothing to the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.images.cache import remove

# Stands in a folder in which the last build came to its end.
_WHOLE = ".whole"


@contextmanager
def folder(work: Path, source: Path) -> Iterator[None]:
    """Bring a folder to the files of `source` for a build within the `with`; whoever calls has its lock.

    Objects of unchanged files are there when an earlier build left them.
    """
    files = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    if not _keep_objects(work, files):
        remove(work)
    for name, content in files.items():
        path = work / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    yield
    (work / _WHOLE).touch()


def _keep_objects(work: Path, files: dict[Path, bytes]) -> bool:
    """Remove all but the unchanged sources and their objects; return whether these can be used."""
    try:
        (work / _WHOLE).unlink()
    except FileNotFoundError:
        return False
    unchanged = {
        name for name, content in files.items() if (work / name).is_file() and (work / name).read_bytes() == content
    }
    if any(name.suffix != ".c" for name in files.keys() - unchanged):
        return False
    sources = {name for name in unchanged if name.suffix == ".c"}
    # kbuild's record of the command and of the headers stands beside the object.
    objects = {made for name in sources for made in (name.with_suffix(".o"), name.with_name(f".{name.stem}.o.cmd"))}
    for path in work.rglob("*"):
        if path.is_file() and path.relative_to(work) not in unchanged | objects:
            path.unlink()
    return True
