# SPDX-License-Identifier: GPL-2.0-only
"""The index of `lazymmu history`: an sqlite database, so that each results folder is read only once.

It also keeps the runs whose folders are gone. One process at a time uses it, by a lock beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
from filelock import FileLock
from msgspec import Struct
from msgspec.structs import replace

from lazymmu.provision.keys import digest
from lazymmu.reports import results_folder
from lazymmu.reports.compare import SavedRun, decoded
from lazymmu.reports.results_folder import RESULTS, RUN
from lazymmu.results.history import RunFacts, Sample
from lazymmu.results.result import Outcome, SavedUnit
from lazymmu.support import disk
from lazymmu.support.errors import LazymmuError, SetupError, UsageError

if TYPE_CHECKING:
    from sqlite3 import Connection

#: Another version of these tables needs another name.
NAME = "history-1.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY, key TEXT UNIQUE, finished REAL, facts BLOB);
CREATE TABLE IF NOT EXISTS folder (path TEXT, stamp TEXT, run INTEGER, PRIMARY KEY (path, run));
CREATE TABLE IF NOT EXISTS unit (id INTEGER PRIMARY KEY, label TEXT UNIQUE, fields BLOB);
CREATE TABLE IF NOT EXISTS result (unit INTEGER, run INTEGER, number INTEGER, outcome TEXT, known TEXT,
    flaky INTEGER, text TEXT, seconds REAL, reason TEXT, PRIMARY KEY (unit, run, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS of_run ON result (run);
CREATE TABLE IF NOT EXISTS bench (path TEXT, stamp TEXT, document BLOB, PRIMARY KEY (path, stamp))
"""
#: Seconds to wait for another program that reads the database.
_BUSY = 60.0
#: A message names so many folders.
_NAMED = 5
_BENCH = "bench*.json"
_HINT = "let XDG_STATE_HOME name another folder"
Found = TypeVar("Found")


class Figure(Struct, frozen=True):
    """One figure of `lazymmu bench`."""

    name: str
    unit: str
    arch: str
    median: float


class _BenchHost(Struct, frozen=True):
    cpu: str
    cores: int


class Bench(Struct, frozen=True, kw_only=True):
    """What the history needs of a document of `lazymmu bench --json`."""

    schema: Literal[1] = 1
    host: _BenchHost
    figures: tuple[Figure, ...]
    #: Documents of earlier versions have none; the file's time then counts.
    started: datetime | None = None

    def time(self) -> datetime:
        """Return when it was measured."""
        return self.started or datetime.fromtimestamp(0, UTC)


class Scan(Struct):
    """What was read, or is in the index already."""

    #: The numbers of the runs whose folders are there.
    runs: set[int]
    #: Folders of runs that have not ended.
    unfinished: list[Path]
    #: What is wrong with others.
    problems: list[str]


class Saved(Struct, frozen=True):
    """What the index has of some folders, by time."""

    runs: list[tuple[int, RunFacts, str]]
    bench: list[Bench]


def used(path: Path, use: Callable[[Connection], Found], say: Callable[[str], None]) -> Found:
    """Return what `use` returns for the open database, and keep what it wrote there unless it raises an error.

    A damaged database is set aside, and a new one begins. Raises SetupError if the folder cannot be used.
    """
    import sqlite3

    with disk.explained(path.parent, hint=_HINT):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without this lock, two processes could set aside each other's new database.
        with FileLock(f"{path}.lock", fallback_to_soft=False):
            try:
                return _used(path, use)
            except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
                # Errors that are not sqlite's are of texts that nobody wrote so.
                code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
                if code & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                    raise SetupError(f"{path} cannot be used: {error}", hint=_HINT) from error
            aside = path.with_name(f"{path.name}.damaged")
            say(f"{path} was damaged: it is now {aside.name}, and the folders that exist are read again")
            path.replace(aside)
            Path(f"{path}-journal").unlink(missing_ok=True)
            return _used(path, use)


def _used(path: Path, use: Callable[[Connection], Found]) -> Found:
    import sqlite3

    with closing(sqlite3.connect(path, timeout=_BUSY)) as index, index:
        for table in _TABLES.split(";"):
            index.execute(table)
        return use(index)


# Reading folders


def update(index: Connection, roots: Sequence[Path]) -> Scan:
    """Read the results folders and files of bench below some folders that the index does not have as they are."""
    scan = Scan(set(), [], [])
    known = {(path, stamp): run for path, stamp, run in index.execute("SELECT path, stamp, run FROM folder")}
    known_bench = set(index.execute("SELECT path, stamp FROM bench"))
    units = {label: number for number, label in index.execute("SELECT id, label FROM unit")}

    def read(path: Path) -> None:
        if path.suffix == ".json":
            if (place := (str(path), _stamp(path))) not in known_bench:
                index.execute("INSERT INTO bench VALUES (?, ?, ?)", (*place, msgspec.json.encode(_bench(path))))
        elif not (path / RESULTS).is_file():
            results_folder.recorded(str(path), f"`{path}`")
            scan.unfinished.append(path)
        else:
            place = (str(path), _stamp(path / RESULTS))
            if place not in known:
                known[place] = _add(index, path, units)
                index.execute("INSERT OR REPLACE INTO folder VALUES (?, ?, ?)", (*place, known[place]))
            scan.runs.add(known[place])

    for root in roots:
        try:
            for path in _found(root):
                try:
                    read(path)
                except LazymmuError as error:
                    scan.problems.append(error.message)
        except OSError as error:
            scan.problems.append(f"{error.filename}: cannot be read: {error.strerror}")
    return scan


def _found(root: Path) -> Iterator[Path]:
    """Yield the results folders and files of bench in a folder, however deep."""
    if (root / RUN).is_file():
        yield root
    elif root.is_dir():
        for path in sorted(root.iterdir()):
            # Not the link `latest`, for one.
            if path.is_dir() and not path.is_symlink():
                yield from _found(path)
            elif path.match(_BENCH) and path.is_file():
                yield path


def _stamp(path: Path) -> str:
    about = path.stat()
    return f"{about.st_mtime_ns} {about.st_size}"


def _bench(path: Path) -> Bench:
    found = decoded(path, Bench)
    started = found.started or datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return replace(found, started=started if started.tzinfo else started.replace(tzinfo=UTC))


def _add(index: Connection, path: Path, units: dict[str, int]) -> int:
    """Add the run in a folder, unless the index has it from elsewhere. Returns its number. Raises UsageError."""
    facts, saved = decoded(path / RUN, RunFacts), decoded(path / RESULTS, SavedRun)
    finished = facts.finished.timestamp() if facts.finished else 0.0
    key = digest(facts.key())
    there = index.execute("SELECT id, finished FROM run WHERE key = ?", (key,)).fetchone()
    if there and there[1] >= finished:
        return int(there[0])
    if there:
        # Its copy was interrupted, and this one is complete.
        _forget(index, there[:1])
    added = index.execute(
        "INSERT INTO run (key, finished, facts) VALUES (?, ?, ?)",
        # Each result has the digest of its scenario.
        (key, finished, msgspec.json.encode(replace(facts, scenario_digests={}))),
    )
    run = added.lastrowid or 0
    rows = []
    for number, one in enumerate(saved.results):
        label = one.label()
        if label not in units:
            fields = {name: getattr(one, name) for name in ("arch", "api", "impl", "kernel", "personality")}
            unit = SavedUnit(index=0, scenario_name=one.scenario_name, values=one.values, **fields)
            row = index.execute("INSERT INTO unit (label, fields) VALUES (?, ?)", (label, msgspec.json.encode(unit)))
            units[label] = row.lastrowid or 0
        outcome, text = str(one.raw_outcome), facts.scenario_digests.get(one.scenario_name, "")
        reason = "" if one.raw_outcome is Outcome.PASS else one.reason
        rows.append((units[label], run, number, outcome, one.known, one.flaky, text, one.seconds, reason))
    index.executemany("INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return run


def _forget(index: Connection, runs: Iterable[int]) -> None:
    rows = [(run,) for run in runs]
    for table, column in (("result", "run"), ("folder", "run"), ("run", "id")):
        index.executemany(f"DELETE FROM {table} WHERE {column} = ?", rows)  # noqa: S608  (names of ours)


def forget(index: Connection, roots: Sequence[Path], scan: Scan) -> int:
    """Forget the runs whose folders below some folders are gone. Returns how many these were."""
    gone = {run for run, _ in _in_scope(index, roots)} - scan.runs
    _forget(index, gone)
    return len(gone)


# What it has


def _in_scope(index: Connection, roots: Sequence[Path]) -> Iterator[tuple[int, str]]:
    for path, run in index.execute("SELECT path, run FROM folder ORDER BY rowid"):
        if _is_below(path, roots):
            yield run, path


def _is_below(path: str, roots: Sequence[Path]) -> bool:
    return any(path == str(root) or path.startswith(f"{str(root).rstrip('/')}/") for root in roots)


def has(index: Connection, root: Path) -> bool:
    """Return whether anything was ever found below a folder."""
    paths = index.execute("SELECT path FROM folder UNION SELECT path FROM bench")
    return any(_is_below(path, [root]) for (path,) in paths)


def saved(index: Connection, roots: Sequence[Path]) -> Saved:
    """Return the runs and bench documents that were found below some folders, even if these are gone.

    The shards of a merged run are not runs of their own.
    """
    places = dict(_in_scope(index, roots))
    every = index.execute("SELECT id, key, facts FROM run").fetchall()
    decoder = msgspec.json.Decoder(RunFacts)
    runs = {key: (run, decoder.decode(facts), places[run]) for run, key, facts in every if run in places}
    for _, facts, _ in [*runs.values()]:
        for part in facts.merged:
            runs.pop(digest(part.key()), None)
    documents = index.execute("SELECT path, document FROM bench")
    bench = [msgspec.json.decode(document, type=Bench) for path, document in documents if _is_below(path, roots)]
    return Saved(sorted(runs.values(), key=lambda one: one[1].started), sorted(bench, key=Bench.time))


def units(index: Connection) -> dict[int, SavedUnit]:
    """Return the units by their numbers."""
    return {
        number: msgspec.json.decode(fields, type=SavedUnit)
        for number, fields in index.execute("SELECT id, fields FROM unit")
    }


def samples(index: Connection, runs: Sequence[int], of: Iterable[int]) -> dict[int, list[Sample]]:
    """Return the results of some units in these runs, by unit; `Sample.run` is the place in `runs`."""
    places = {run: place for place, run in enumerate(runs)}
    found: defaultdict[int, list[Sample]] = defaultdict(list)
    rows: Iterable[Any] = index.execute(
        "SELECT unit, run, outcome, known, flaky, text, seconds, reason FROM result"
        " WHERE unit IN (SELECT value FROM json_each(?)) ORDER BY unit, run, number",
        (msgspec.json.encode([*of]).decode(),),
    )
    for unit, run, outcome, known, flaky, text, seconds, reason in rows:
        if run in places:
            found[unit].append(Sample(places[run], outcome, known, bool(flaky), text, seconds, reason))
    for some in found.values():
        some.sort(key=lambda one: one.run)
    return found


def refuse(scan: Scan) -> None:
    """Raise UsageError with what is wrong with folders, if anything is."""
    if scan.problems:
        more = f"\nand {len(scan.problems) - _NAMED} more" if len(scan.problems) > _NAMED else ""
        hint = "remove these, or name other folders; the index has what the others hold"
        raise UsageError("\n".join(scan.problems[:_NAMED]) + more, hint=hint)
