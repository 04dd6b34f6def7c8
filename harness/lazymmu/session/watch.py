# SPDX-License-Identifier: GPL-2.0-only
"""`run --watch`: the command `run`, again and again, each time that something it reads was changed.

Changes are collected from before a run starts, so that one which comes while it is under way is not lost. Folders are
watched and not files, for an editor replaces a file by another one.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from watchfiles._rust_notify import RustNotify

from lazymmu.header.text import HeaderError
from lazymmu.reports.terminal import Terminal
from lazymmu.scenario.lookup import find
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.session import requests
from lazymmu.session.run import run
from lazymmu.session.shared_cache import shared_cache
from lazymmu.support.errors import INTERRUPTED, LazymmuError, UsageError, print_error
from lazymmu.support.project import MODULE_SOURCE

# Milliseconds: a change is told when no other came for a step, and at the latest at the end of the window.
_STEP = 10
_WINDOW = 200
_SCENARIO_SUFFIXES = (".yaml", ".yml")
_SOURCE_SUFFIXES = (".c", ".h")
_KBUILD = "Kbuild"


class Inputs(Struct, frozen=True):
    """What a run reads, by real paths."""

    #: Scenario files, and those of --known and --header.
    files: frozenset[Path]
    #: Folders whose scenarios are read, those below them included.
    trees: frozenset[Path]
    #: The results folder that --out names: what a run writes is no reason for another one.
    results: Path | None

    def folders(self) -> Iterator[Path]:
        """Yield every folder in which a change may count; they exist."""
        found = {file.parent for file in self.files}
        for top in (MODULE_SOURCE, *self.trees):
            for folder, below, _ in os.walk(top):
                below[:] = [name for name in below if not name.startswith(".")]
                found.add(Path(folder))
        yield from (folder for folder in found if folder.is_dir() and not self._is_result(folder))

    def count(self, path: Path) -> bool:
        """Return whether a change of this path is a reason to run again."""
        if path in self.files:
            return True
        if path.name.startswith(".") or self._is_result(path):
            return False
        if path.is_relative_to(MODULE_SOURCE):
            return path.suffix in _SOURCE_SUFFIXES or path.name == _KBUILD
        # A folder that is new may have got its files before anybody could watch it.
        counts = path.suffix in _SCENARIO_SUFFIXES or path.is_dir()
        return counts and any(path.is_relative_to(tree) for tree in self.trees)

    def _is_result(self, path: Path) -> bool:
        return self.results is not None and path.is_relative_to(self.results)


def _inputs(arguments: Namespace) -> Inputs:
    """Return what a run with these arguments reads. Raises UsageError for arguments that mean nothing."""
    library = requests.library()
    files = {Path(found.path) for found in find(arguments.scenarios, library, Problems())}
    if arguments.known is not None:
        files.add(Path(arguments.known))
    if arguments.header is not None:
        files.add(Path(arguments.header))
    tops = {library} if not arguments.scenarios else set()
    for argument in arguments.scenarios:
        tops |= {next((top for top in (library / argument, Path(argument)) if top.is_dir()), library / argument)}
    # A link counts where it stands and where it leads to.
    real = {file.resolve() for file in files} | {file.parent.resolve() / file.name for file in files}
    return Inputs(
        files=frozenset(real),
        trees=frozenset(top.resolve() for top in tops if top.is_dir()),
        results=None if arguments.out is None else Path(arguments.out).resolve(),
    )


def _changed(collected: RustNotify, inputs: Inputs) -> list[Path] | None:
    """Wait for changes that count, and return their paths, sorted; None when an interrupt came instead."""
    while True:
        changes = collected.watch(_WINDOW, _STEP, 0, None)
        if isinstance(changes, str):
            return None
        counting = sorted({Path(path) for _, path in changes if inputs.count(Path(path))})
        if counting:
            return counting


def _shown(path: Path) -> str:
    """Return a path for a person: as seen from the working folder, when it lies below."""
    with suppress(OSError, ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def _once(arguments: Namespace, *, first: bool) -> int:
    """Run once and return the status; what cannot be run is told, for the next edit may mend it."""
    try:
        with shared_cache():
            return run(Namespace(**vars(arguments)))
    except UsageError as error:
        if first and not isinstance(error, HeaderError):
            # No edit mends a command line.
            raise
        return print_error(error)
    except (LazymmuError, OSError) as error:
        return print_error(error)


def watch(arguments: Namespace) -> int:
    """Run, and again at each change, until an interrupt comes; return the status of an interrupt.

    Raises UsageError for a command line that cannot be run at all.
    """
    if arguments.resume is not None:
        raise UsageError("--watch and --resume cannot be given together: a run is resumed once")
    if arguments.bisect:
        raise UsageError("--watch and --bisect cannot be given together: a watch has no status of a commit")
    inputs = _inputs(arguments)
    terminal = requests.human(arguments)
    first = True
    while True:
        folders = [str(folder) for folder in inputs.folders()]
        # Not recursive: the folder of a single scenario may be somebody's home.
        with RustNotify(folders, False, False, 0, False, True) as collected:
            if _once(arguments, first=first) == INTERRUPTED:
                return INTERRUPTED
            if first:
                _say(terminal, "watching the scenarios and guest/module; Ctrl-C ends it")
            first = False
            changed = _changed(collected, inputs)
        if changed is None:
            return INTERRUPTED
        _say(terminal, f"changed: {', '.join(_shown(path) for path in changed)}")
        # While a scenario is gone, what was watched before is where it comes back.
        with suppress(LazymmuError):
            inputs = _inputs(arguments)


def _say(terminal: Terminal, text: str) -> None:
    """Print one line between two runs, at once: the next one may take long."""
    terminal.line(f"--- {text}")
