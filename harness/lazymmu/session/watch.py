# SPDX-License-Identifier: GPL-2.0-only
"""`run --watch`: runs again each time that a file changes which the run reads.

The watch begins before a run, so that no change during the run is lost. It watches folders, because editors replace
files.
"""

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from watchfiles._rust_notify import RustNotify

from lazymmu.header.patched import PGTABLE
from lazymmu.header.text import HeaderError
from lazymmu.scenario.lookup import scenario_files
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.session import requests
from lazymmu.session.run import run
from lazymmu.support.errors import INTERRUPTED, LazymmuError, UsageError, print_error
from lazymmu.support.project import MODULE_SOURCE

# Milliseconds. Changes are reported if no other comes for a step, and at the latest at the end of the window.
_STEP = 10
_WINDOW = 200


class Inputs(Struct, frozen=True):
    """The files and folders that a run reads, by real paths."""

    #: Scenario files, and those of --known, --header, --patch and --tree.
    files: frozenset[Path]
    #: Folders whose scenarios are read, with their subfolders.
    trees: frozenset[Path]
    #: The results folder of --out, in which changes do not count.
    results: Path | None

    def folders(self) -> Iterator[Path]:
        """Yield every existing folder in which a change may count."""
        folders = {file.parent for file in self.files}
        for top in (MODULE_SOURCE, *self.trees):
            for folder, below, _ in os.walk(top):
                below[:] = [name for name in below if not name.startswith(".")]
                folders.add(Path(folder))
        yield from (folder for folder in folders if folder.is_dir() and not self._is_result(folder))

    def counts(self, path: Path) -> bool:
        """Return whether a change of this path is a reason to run again."""
        if path in self.files:
            return True
        if path.name.startswith(".") or self._is_result(path):
            return False
        if path.is_relative_to(MODULE_SOURCE):
            return path.suffix in (".c", ".h") or path.name == "Kbuild"
        # A new folder may have files from before it was watched.
        may_be_read = path.suffix in (".yaml", ".yml") or path.is_dir()
        return may_be_read and any(path.is_relative_to(tree) for tree in self.trees)

    def _is_result(self, path: Path) -> bool:
        return self.results is not None and path.is_relative_to(self.results)


def _inputs(arguments: Namespace) -> Inputs:
    """Return the inputs of a run with these arguments. Raises UsageError if they name nothing."""
    library = requests.library()
    files = {Path(found.path) for found in scenario_files(arguments.scenarios, library, Problems())}
    files |= {Path(name) for name in (arguments.known, arguments.header, arguments.patch) if name is not None}
    if arguments.tree is not None:
        files.add(Path(arguments.tree, PGTABLE))
    named = [next((top for top in (library / name, Path(name)) if top.is_dir()), None) for name in arguments.scenarios]
    # Both a link and its target count.
    real = {file.resolve() for file in files} | {file.parent.resolve() / file.name for file in files}
    return Inputs(
        files=frozenset(real),
        trees=frozenset(top.resolve() for top in named or [library] if top is not None),
        results=None if arguments.out is None else Path(arguments.out).resolve(),
    )


def _changed(collected: RustNotify, inputs: Inputs) -> list[Path] | None:
    """Wait for changes that count; return their paths, sorted, or None if an interrupt comes."""
    while True:
        changes = collected.watch(_WINDOW, _STEP, 0, None)
        if isinstance(changes, str):
            return None
        counting = sorted({Path(path) for _, path in changes if inputs.counts(Path(path))})
        if counting:
            return counting


def _once(arguments: Namespace, *, first: bool) -> int:
    """Run once and return the exit status. Errors are printed, because the next edit may fix them."""
    try:
        return run(Namespace(**vars(arguments)))
    except (LazymmuError, OSError) as error:
        # No edit fixes a command line.
        if first and isinstance(error, UsageError) and not isinstance(error, HeaderError):
            raise
        return print_error(error)


def watch(arguments: Namespace) -> int:
    """Run, and run again at each change, until an interrupt comes. Returns the exit status of an interrupt.

    Raises UsageError if the command line is wrong.
    """
    if arguments.resume is not None:
        raise UsageError("--watch and --resume cannot be given together")
    if arguments.bisect:
        raise UsageError("--watch and --bisect cannot be given together")
    if arguments.patch is not None and not Path(arguments.patch).is_file():
        raise UsageError(f"--watch and --patch {arguments.patch} cannot be given together: it is not a file")
    inputs = _inputs(arguments)
    terminal = requests.human(arguments)
    first = True
    while True:
        folders = [str(folder) for folder in inputs.folders()]
        # Not recursive, because the folder of a single scenario may be the user's home.
        with RustNotify(folders, False, False, 0, False, True) as collected:
            if _once(arguments, first=first) == INTERRUPTED:
                return INTERRUPTED
            if first:
                terminal.line("--- watching the scenarios and guest/module; Ctrl-C ends it")
            first = False
            changed = _changed(collected, inputs)
        if changed is None:
            return INTERRUPTED
        terminal.line(f"--- changed: {', '.join(str(requests.short(path)) for path in changed)}")
        # If a scenario is gone, it may come back in the folders that were watched before.
        with suppress(LazymmuError):
            inputs = _inputs(arguments)
