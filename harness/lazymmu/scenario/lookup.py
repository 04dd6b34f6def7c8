# SPDX-License-Identifier: GPL-2.0-only
"""Finds the files that the arguments of a command mean, the names of their scenarios, and which cases are meant."""

import os
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.scenario import selectors
from lazymmu.scenario.strict_yaml.problems import Problems, quote
from lazymmu.support.errors import Place, UsageError
from lazymmu.support.lists import some_of
from lazymmu.support.suggestions import suggestion

_SUFFIXES = (".yaml", ".yml")
_SUFFIX = re.compile(r"\.ya?ml\Z")
#: A message names so many scenarios or folders.
_SHOWN = 8


class ScenarioFile(Struct, frozen=True, order=True):
    """A scenario file: its name, and its path as messages show it."""

    name: str
    path: str
    #: The words that mean it, each with the values of its cases (`selectors.split`).
    words: tuple[tuple[str, str], ...] = ()


def scenario_files(arguments: Sequence[str], library: Path, problems: Problems) -> list[ScenarioFile]:
    """Return the files that the arguments mean (none: the whole library), each file once, sorted by name.

    Raises one UsageError for all arguments that mean nothing.
    """
    root = str(library)
    wrong: list[str] = []
    paths: list[str] = []
    words: dict[str, list[tuple[str, str]]] = {}
    real = _resolver()
    for argument in arguments or (root,):
        before = len(problems)
        values = ""
        meant = _meant(argument, root if arguments else None, problems)
        if meant is None:
            name, values = selectors.split(argument)
            meant = _meant(name, root, problems) if values else None
            meant = meant or _matching(name, root, problems)
        for file in map(real, meant or ()):
            words.setdefault(file, []).append((argument, values))
        if meant is None:
            wrong.append(_missing(argument, root))
        elif not meant and len(problems) == before:
            wrong.append(f"no scenario (a file named *.yaml) in directory {quote(_printable(argument))}")
        else:
            paths += meant
    if wrong:
        raise UsageError("\n".join(wrong))
    named = _named([(path, real(path)) for path in paths], root, problems)
    return [replace(found, words=tuple(words[real(found.path)])) for found in named]


def _resolver() -> Callable[[str], str]:
    """Return os.path.realpath for many files of few directories, which would take most of the time of a lookup."""
    directories = cache(os.path.realpath)

    @cache
    def real(path: str) -> str:
        directory, name = os.path.split(path)
        if name in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114
            return os.path.realpath(path)
        return os.path.join(directories(directory), name)  # noqa: PTH118

    return real


def _meant(argument: str, library: str | None, problems: Problems) -> list[str] | None:
    """Return the files that one argument means, None if it means nothing; without a library it is a directory."""
    if not argument or "\0" in argument:
        return None
    candidates = [argument]
    if library is not None and argument.split("/", maxsplit=1)[0] not in ("", ".", ".."):
        within = os.path.normpath(os.path.join(library, argument))  # noqa: PTH118 -- keeps the path as given
        candidates = [within, argument] if _under(within, library) is not None else candidates
    for candidate in candidates:
        files = _files(candidate) if library is not None and not argument.endswith("/") else []
        if files:
            return files
        if os.path.isdir(candidate):  # noqa: PTH112
            return list(_walk(candidate, problems))
    return None


def _matching(pattern: str, library: str, problems: Problems) -> list[str] | None:
    """Return the files whose names match a pattern: those of the library, else others; None if there are none."""
    if not selectors.is_pattern(pattern) or "\0" in pattern:
        return None
    import glob

    name = _SUFFIX.sub("", pattern)
    found = [path for path in _walk(library, problems) if selectors.matches(name, _name(path, library))]
    for path in [] if found else sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 -- keeps paths as given
        found += _walk(path, problems) if os.path.isdir(path) else [path]  # noqa: PTH112
    return found or None


def _files(path: str) -> list[str]:
    """Return the path itself, unless it is a directory to walk, or else the path with a suffix, if they exist."""
    if os.path.lexists(path) and (path.endswith(_SUFFIXES) or not os.path.isdir(path)):  # noqa: PTH112
        return [path]
    return [path + suffix for suffix in _SUFFIXES if os.path.lexists(path + suffix)]


def _walk(top: str, problems: Problems) -> Iterator[str]:
    """Yield the scenario files under a directory, without hidden ones.

    Each real directory is visited once, so that links may form loops; real directories come before links to them.
    """
    seen: set[tuple[int, int]] = set()
    real, links = deque([top]), deque[str]()
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
            problems.add(Place(_printable(directory), 1, 1), f"cannot be read: {error.strerror or error}", rule="file")
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.name.endswith(_SUFFIXES):
                yield entry.path
            elif os.path.isdir(entry.path):  # noqa: PTH112 -- entry.is_dir() raises on a link to itself
                (links if entry.is_symlink() else real).append(entry.path)


def _named(paths: Iterable[tuple[str, str]], library: str, problems: Problems) -> list[ScenarioFile]:
    """Return the files of these paths and real paths with their names, each real file once and each name once."""
    by_file: dict[str, tuple[bool, ScenarioFile]] = {}
    for path, file in paths:
        if path != _printable(path):
            problems.add(Place(_printable(path), 1, 1), "the name of this file is not UTF-8", rule="file")
            continue
        # The file under its own name is preferred to a link to it; then the name that sorts first.
        choice = (file != os.path.abspath(path), ScenarioFile(_name(path, library), path))  # noqa: PTH100
        by_file[file] = min(choice, by_file.get(file, choice))
    by_name: dict[str, ScenarioFile] = {}
    for found in sorted(found for _, found in by_file.values()):
        first = by_name.setdefault(found.name, found)
        if first is not found:
            problems.add(
                Place(found.path, 1, 1), f"has the same name, {quote(found.name)}, as {first.path}", rule="file"
            )
    return list(by_name.values())


def _name(path: str, library: str) -> str:
    """Return the path under the library without the suffix, or as given if it is outside."""
    name = _under(path, library) or _under(os.path.realpath(path), os.path.realpath(library)) or path
    return _SUFFIX.sub("", name)


def _under(path: str, directory: str) -> str | None:
    """Return the path relative to a directory above it, by its text alone; else None."""
    absolute, above = os.path.abspath(path), os.path.abspath(directory).rstrip("/") + "/"  # noqa: PTH100
    return absolute.removeprefix(above) or None if absolute.startswith(above) else None


def _missing(argument: str, library: str) -> str:
    """Return the message for an argument that means nothing, with close names of the library, or with what it has."""
    wanted, _ = selectors.split(_SUFFIX.sub("", argument))
    scenarios = {_name(path, library) for path in _walk(library, Problems())}
    names = scenarios | {name.rpartition("/")[0] for name in scenarios}
    in_folder = sorted(name for name in names if name.rpartition("/")[2] == wanted)
    if in_folder:
        guess = f" (did you mean {quote(in_folder[0])}?)"
    else:
        guess = suggestion(wanted, sorted(names - {wanted.rpartition("/")[0]}))
    return f"no scenario, file or directory {quote(_printable(argument))}{guess or _others(wanted, names)}"


def _others(wanted: str, names: Collection[str]) -> str:
    """Return what else is in the folder of a name, or in the library; of names outside it nothing is known."""
    if wanted.startswith(("/", ".")):
        return ""
    folder = wanted.rpartition("/")[0]
    folder = folder if folder in names else ""
    there = sorted(name for name in names if name and name.rpartition("/")[0] == folder)
    return f"; {quote(folder) if folder else 'the library'} has {some_of(there, _SHOWN)}" if there else ""


def _printable(path: str) -> str:
    """Return the path with bytes that are not UTF-8 as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()
