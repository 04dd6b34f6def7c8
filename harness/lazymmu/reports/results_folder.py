# SPDX-License-Identifier: GPL-2.0-only
"""The results folder of a run: everything that it found out and that is needed to look at it again or to repeat it.

`run.json` is there from the beginning, `results.jsonl` grows with each result, `results.json` is written last and
whole: a folder without it is of a run that did not come to its end. Folders that --out does not name stand below the
user's state folder, which keeps the last.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout
from msgspec import Struct
from platformdirs import user_state_path

from lazymmu.reports import json as document
from lazymmu.reports import ktap
from lazymmu.reports.destination import partial_of, remove_partials, whole, write_whole
from lazymmu.reports.terminal import Terminal
from lazymmu.results.run_summary import Finished
from lazymmu.results.store import SPOOL
from lazymmu.subject.case import Scenario
from lazymmu.support import disk
from lazymmu.support.errors import INTERRUPTED, LazymmuError, UsageError

#: How many folders the user's state folder keeps.
KEPT = 20

RUN = "run.json"
RESULTS = "results.json"
#: Held while the run is under way.
LOCK = ".lock"
_GUESTS = "guests"
_SCENARIOS = "scenarios"
_LATEST = "latest"
#: What a run makes in its folder, the file that says that it is one last.
_CONTENTS = (RESULTS, SPOOL, "summary.txt", "results.ktap", _GUESTS, _SCENARIOS, RUN)
#: What says how a run ended, the file that says that it did first.
_ENDS = (RESULTS, "summary.txt", "results.ktap")
#: run.json says who wrote it by this key.
_PROGRAM = "program"
_NAME = re.compile(r"[0-9]{8}-[0-9]{6}\.[0-9]{3}-[0-9]+(-[0-9]+)?")
#: What else can be done when the folder cannot be written.
HINT = "let --out DIR name another folder"


def default_root() -> Path:
    """Return where folders stand that --out does not name (XDG_STATE_HOME is heeded)."""
    return user_state_path("lazymmu") / "runs"


class Folder(Struct, frozen=True):
    """The folder of a run that is under way; its lock is held."""

    path: Path
    #: The folder in it for the console and channel logs of the guests.
    guests: Path
    #: Where it stands beside others that are kept; None for one that the user named.
    root: Path | None = None

    @property
    def spool(self) -> Path:
        """The file for the results as they come."""
        return self.path / SPOOL

    def record(self, facts: Mapping[str, Any]) -> None:
        """Write what is known of the run itself, in place of what was written before."""
        with _explained(self.path):
            text = json.dumps({"schema": document.SCHEMA, _PROGRAM: "lazymmu", **facts}, indent=1)
            write_whole(self.path / RUN, text + "\n")

    def keep(self, scenarios: Sequence[Scenario]) -> dict[str, str]:
        """Copy the scenarios as they are run; return name -> path in this folder."""
        copies = {scenario.name: _SCENARIOS + "/" + _relative(scenario) for scenario in scenarios}
        with _explained(self.path):
            for scenario in scenarios:
                copy = self.path / copies[scenario.name]
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(scenario.path, copy)
        return copies

    def begin(self) -> None:
        """Make the folder one of a run under way: what an interrupted one wrote at its end goes."""
        with _explained(self.path):
            for name in _ENDS:
                remove_partials(self.path / name)
                _remove(self.path / name)
            self.guests.mkdir(parents=True, exist_ok=True)

    def finish(self, run: Finished, facts: Mapping[str, Any]) -> None:
        """Write every report, and last the one that says that the run came to its end.

        Then `latest` names a folder of the user's state, and the oldest there beyond `KEPT` go.
        """
        with _explained(self.path):
            with whole(self.path / "summary.txt") as summary:
                Terminal(summary, plain=True).finished(run, self.path)
            write_whole(self.path / "results.ktap", ktap.lines(run))
            self.record(facts)
            write_whole(self.path / RESULTS, document.run_document(run))
        if self.root is not None:
            with _explained(self.root):
                _point(self.root / _LATEST, self.path)
                _prune(self.root)


@contextmanager
def opened(out: str | None, started: datetime) -> Iterator[Folder]:
    """Make and lock the folder for the length of a `with`, `out` or a new one of the user's.

    A new one in which no guest was started is removed again when the run ends so. Raises UsageError for an `out` that
    cannot be used, SetupError where nothing can be written.
    """
    if out is not None:
        with _named(Path(out)) as folder:
            yield folder
        return
    root = default_root()
    with _explained(root):
        path = _fresh(root, started)
        lock = _lock(path)
        lock.acquire(timeout=0)
    try:
        with _explained(path):
            (path / _GUESTS).mkdir()
        yield Folder(path, path / _GUESTS, root)
    finally:
        if not (path / RESULTS).exists() and not _holds(path / _GUESTS) and not _holds_results(path):
            shutil.rmtree(path, ignore_errors=True)
        lock.release()


@contextmanager
def _named(path: Path) -> Iterator[Folder]:
    """Make and lock a folder that the user named; one of an earlier run is emptied of what that one made."""
    shown = f"--out `{path}`"
    if path.exists() and not path.is_dir():
        raise UsageError(f"{shown} is not a folder")
    lock = _lock(path)
    try:
        if _holds(path) and not (path / LOCK).exists() and not _is_ours(path):
            raise _foreign(shown)
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(f"{shown} is in use by another run", hint="name a folder for each run") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be made or written: {error.strerror}") from error
    try:
        if not _is_ours(path):
            raise _foreign(shown)
        with _explained(path):
            for name in _CONTENTS:
                remove_partials(path / name)
                _remove(path / name)
            (path / _GUESTS).mkdir()
        yield Folder(path, path / _GUESTS)
    finally:
        lock.release()


@contextmanager
def unfinished(name: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
    """Lock the folder of a run that did not come to its end for the length of a `with`; yield it and its run.json.

    It is left as it is until `Folder.begin`. Raises UsageError for any other folder.
    """
    path = Path(name)
    shown = f"--resume `{name}`"
    if not (path / RUN).is_file():
        raise UsageError(f"{shown} is not the results folder of a run: there is no {RUN}")
    path = path.resolve()
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(f"{shown} is in use by another run") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be written: {error.strerror}") from error
    try:
        facts = _facts(path)
        if facts is None:
            raise UsageError(f"{shown}: {path / RUN} was not written by a run of lazymmu, or is damaged")
        if (path / RESULTS).exists() and facts.get("status") != INTERRUPTED:
            raise UsageError(f"{shown}: this run came to its end, with status {facts.get('status')}")
        root = path.parent if path.parent == default_root().resolve() else None
        number = len(facts.get("resumed", ())) + 1
        yield Folder(path, path / _GUESTS / f"resumed-{number}", root), facts
    finally:
        lock.release()


def _lock(path: Path) -> FileLock:
    """Return the lock of a folder."""
    # Never the fallback: a lock that is the file's existence outlives its process.
    return FileLock(path / LOCK, thread_local=False, fallback_to_soft=False)


def _foreign(shown: str) -> UsageError:
    return UsageError(
        f"{shown} holds files that are not of an earlier run",
        hint="name a new or empty folder; one of an earlier run is written anew",
    )


def _is_ours(path: Path) -> bool:
    """Return whether a folder is one of an earlier run, or one that such a run began and no more."""
    if all(
        entry.name == LOCK or partial_of(entry) == RUN or (entry.name == _GUESTS and not _holds(entry))
        for entry in path.iterdir()
    ):
        return True
    return _facts(path) is not None


def _facts(path: Path) -> dict[str, Any] | None:
    """Return what a folder's run.json says, None when no run of ours wrote one."""
    try:
        facts = json.loads((path / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get(_PROGRAM) == "lazymmu" else None


def _fresh(root: Path, started: datetime) -> Path:
    """Make a folder whose name nobody has; names sort by time."""
    name = f"{started:%Y%m%d-%H%M%S}.{started.microsecond // 1000:03}-{os.getpid()}"
    root.mkdir(parents=True, exist_ok=True)
    # Another process of this number, in another container with the same home, may start in the same millisecond.
    for number in range(1, 100):
        path = root / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise LazymmuError(f"{root} has a hundred folders called {name}", hint=HINT)


def _point(link: Path, path: Path) -> None:
    """Let a link name a folder beside it; it never names nothing in between."""
    partial = link.with_name(f".{link.name}.{path.name}")
    partial.unlink(missing_ok=True)
    partial.symlink_to(path.name)
    partial.rename(link)


def kept(root: Path) -> list[Path]:
    """Return the folders of runs that a folder keeps, the last first; OSError when it cannot be read.

    What else stands there, or was named by --out, is nobody's to remove.
    """
    if not root.exists():
        return []
    # Their names sort by time.
    named = (path for path in root.iterdir() if _NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink())
    return sorted(named, reverse=True)


def _prune(root: Path) -> None:
    """Remove the oldest folders beyond `KEPT`, but none whose run is under way."""
    for path in kept(root)[KEPT:]:
        lock = _lock(path)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue
        try:
            # What another run that prunes at this moment removes is gone either way.
            shutil.rmtree(path, ignore_errors=True)
        finally:
            lock.release()


def _relative(scenario: Scenario) -> str:
    """Return a path for the copy of a scenario that does not lead out of the folder."""
    name = PurePosixPath(scenario.name + Path(scenario.path).suffix)
    return "/".join({"/": "_root", "..": "_up"}.get(part, part) for part in name.parts)


def _holds(path: Path) -> bool:
    return path.is_dir() and any(path.iterdir())


def _holds_results(path: Path) -> bool:
    return (path / SPOOL).exists() and (path / SPOOL).stat().st_size > 0


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn the refusal of a folder into an error that names it and --out."""
    try:
        yield
    except OSError as error:
        explained = disk.refusal(error, folder, hint=HINT)
        if explained is None:
            raise
        raise explained from error
