# SPDX-License-Identifier: GPL-2.0-only
"""Which files the arguments of a command mean, and what their scenarios are called."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from lazymmu.scenario.strict_yaml.problems import Problems, quote, suggest
from lazymmu.support.errors import Place, UsageError

_SUFFIXES = (".yaml", ".yml")


class ScenarioFile(Struct, frozen=True, order=True):
    """A scenario file: its name, and its path as messages show it."""

    name: str
    path: str


def scenario_files(arguments: Sequence[str], library: Path, problems: Problems) -> list[ScenarioFile]:
    """Return the files that the arguments mean (none: the whole library), each file once, sorted by name.

    Raises UsageError for arguments that mean nothing, all of them in one message.
    """
    root = str(library)
    wrong: list[str] = []
    paths: list[str] = []
    for argument in arguments or (root,):
        before = len(problems)
        meant = _meant(argument, root, problems) if arguments else _library(root, problems)
        if meant is None:
            wrong.append(_missing(argument, root))
        elif not meant and len(problems) == before:
            wrong.append(f"no scenario (a file named *.yaml) in directory {quote(_printable(argument))}")
        else:
            paths += meant
    if wrong:
        raise UsageError("\n".join(wrong))
    return _named(paths, root, problems)


def _meant(argument: str, library: str, problems: Problems) -> list[str] | None:
    """Return the files that one argument means, None when it means nothing."""
    if not argument or "\0" in argument:
        return None
    candidates = [argument]
    within = os.path.normpath(os.path.join(library, argument))  # noqa: PTH118 -- keeps the path as given
    if argument.split("/", maxsplit=1)[0] not in ("", ".", "..") and _under(within, library) is not None:
        candidates.insert(0, within)
    for candidate in candidates:
        files = [] if argument.endswith("/") else _files(candidate)
        if files:
            return files
        if os.path.isdir(candidate):  # noqa: PTH112
            return _walk(candidate, problems)
    return None


def _library(root: str, problems: Problems) -> list[str] | None:
    """Return the files of the whole library, None when there is none."""
    return _walk(root, problems) if os.path.isdir(root) else None  # noqa: PTH112


def _files(path: str) -> list[str]:
    """Return what exists of the path itself (unless it is a directory to walk) and the path with a suffix."""
    if os.path.lexists(path) and (path.endswith(_SUFFIXES) or not os.path.isdir(path)):  # noqa: PTH112
        return [path]
    return [path + suffix for suffix in _SUFFIXES if os.path.lexists(path + suffix)]


def _walk(top: str, problems: Problems) -> list[str]:
    """Return the scenario files under a directory, without hidden ones.

    Each real directory is visited once, so that symbolic links may form loops; links come after what is really there.
    """
    files: list[str] = []
    seen: set[tuple[int, int]] = set()
    real: deque[str] = deque([top])
    links: deque[str] = deque()
    while real or links:
        directory = real.popleft() if real else links.popleft()
        try:
            status = os.stat(directory)  # noqa: PTH116
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(directory) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            problems.add(Place(_printable(directory), 1, 1), f"cannot be read: {error.strerror or error}")
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.name.endswith(_SUFFIXES):
                files.append(entry.path)
            elif os.path.isdir(entry.path):  # noqa: PTH112 -- entry.is_dir() raises on a link to itself
                (links if entry.is_symlink() else real).append(entry.path)
    return files


def _named(paths: Iterable[str], library: str, problems: Problems) -> list[ScenarioFile]:
    """Return the files with their names, each real file once and each name once."""
    by_file: dict[str, ScenarioFile] = {}
    for path in paths:
        if path != _printable(path):
            problems.add(Place(_printable(path), 1, 1), "the name of this file is not UTF-8")
            continue
        file = os.path.realpath(path)
        found = ScenarioFile(_name(path, library), path)
        known = by_file.setdefault(file, found)
        # The file under its own name counts, not a link to it; then whichever name sorts first.
        if (os.path.realpath(known.path) != os.path.abspath(known.path), known) > (  # noqa: PTH100
            file != os.path.abspath(path),  # noqa: PTH100
            found,
        ):
            by_file[file] = found
    by_name: dict[str, ScenarioFile] = {}
    for found in sorted(by_file.values()):
        first = by_name.setdefault(found.name, found)
        if first is not found:
            problems.add(Place(found.path, 1, 1), f"has the same name, {quote(found.name)}, as {first.path}")
    return sorted(by_name.values())


def _name(path: str, library: str) -> str:
    """Return the path under the library without the suffix, or as given where it lies outside."""
    inside = _under(path, library) or _under(os.path.realpath(path), os.path.realpath(library))
    name = inside or path
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _under(path: str, directory: str) -> str | None:
    """Return the path relative to a directory in which it lies, by its text alone; else None."""
    absolute, root = os.path.abspath(path), os.path.abspath(directory)  # noqa: PTH100
    if absolute == root:
        return None
    return os.path.relpath(absolute, root) if os.path.commonpath([absolute, root]) == root else None


def _missing(argument: str, library: str) -> str:
    """Return the message for an argument that means nothing, with close names of the library."""
    names: set[str] = set()
    for path in _walk(library, Problems()):
        name = _name(path, library)
        names.update((name, name.rsplit("/", 1)[0], name.rsplit("/", 1)[-1]))
    wanted = argument
    for suffix in _SUFFIXES:
        wanted = wanted.removesuffix(suffix)
    return f"no scenario, file or directory {quote(_printable(argument))}{suggest(wanted, tuple(sorted(names)))}"


def _printable(path: str) -> str:
    """Return the path with bytes that are not UTF-8 written as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()
