# SPDX-License-Identifier: GPL-2.0-only
"""The results folder of a run: all that it found, and what is needed to look at it or to repeat it.

`run.json` is written first, `results.jsonl` grows with each result, `results.json` is written last and complete: a
folder without it belongs to a run that has not ended. Without --out, folders are in the user's state folder, which
keeps the last ones.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout
from msgspec import Struct
from platformdirs import user_state_path

from lazymmu.reports import destination
from lazymmu.reports.destination import whole
from lazymmu.reports.formats import FORMATS
from lazymmu.reports.terminal import Terminal
from lazymmu.results import store
from lazymmu.results.run_summary import RunSummary
from lazymmu.subject.case import Scenario
from lazymmu.support import disk
from lazymmu.support.errors import INTERRUPTED, UsageError

#: How many folders the state folder keeps.
KEPT = 20

RUN = "run.json"
RESULTS = "results.json"
#: Format -> its report in every results folder, in the order in which they are written.
REPORTS = {"ktap": "results.ktap", "json": RESULTS}
#: A run holds this lock.
LOCK = ".lock"
GUESTS = "guests"
_SCENARIOS = "scenarios"
PATCH = "patch"
LATEST = "latest"
#: What a run writes only at its end, the file that says so first.
_LAST = (RESULTS, "summary.txt", "results.ktap")
#: All that a run writes, the file that identifies its folder last.
_CONTENTS = (*_LAST, store.FILE, GUESTS, _SCENARIOS, PATCH, RUN)
#: The key of run.json for the program that wrote it, and its value.
_PROGRAM = ("program", "lazymmu")
_NAME = re.compile(r"[0-9]{8}-[0-9]{6}\.[0-9]{3}-[0-9]+(-[0-9]+)?")
#: Lets an OSError of a `with` become an error that names the folder and --out.
_explained = partial(disk.explained, hint=store.HINT)


def default_root() -> Path:
    """Return the state folder of runs; it depends on XDG_STATE_HOME."""
    return user_state_path("lazymmu") / "runs"


def bench_folder() -> Path:
    """Return the folder of the documents of `lazymmu bench`, for `lazymmu history`."""
    return default_root().with_name("bench")


def keep_bench(document: Mapping[str, Any], started: datetime) -> None:
    """Keep a document of `lazymmu bench`."""
    folder = bench_folder()
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with whole(folder / f"bench-{started:%Y%m%d-%H%M%S}-{os.getpid()}.json") as file:
            file.write(destination.json_text(document))


class Folder(Struct, frozen=True):
    """The folder of a run that is under way and holds its lock."""

    path: Path
    #: The folder for the logs of guests.
    guests: Path
    #: The state folder that it is in; None for a folder that the user named.
    root: Path | None = None

    @property
    def results(self) -> Path:
        """The file for the results as they come."""
        return self.path / store.FILE

    def record(self, facts: Mapping[str, Any]) -> None:
        """Replace run.json, which says what is known of the run itself."""
        with _explained(self.path), whole(self.path / RUN) as file:
            file.write(destination.json_text({**dict([_PROGRAM]), **facts}))

    def keep(self, scenarios: Sequence[Scenario]) -> dict[str, str]:
        """Copy the files of scenarios; return scenario's name -> path in this folder."""
        copies = {scenario.name: f"{_SCENARIOS}/{_relative(scenario)}" for scenario in scenarios}
        with _explained(self.path):
            for scenario in scenarios:
                copy = self.path / copies[scenario.name]
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(scenario.path, copy)
        return copies

    @property
    def patch(self) -> Path:
        """The file with the patch of --patch."""
        return self.path / PATCH

    def keep_patch(self, content: bytes) -> None:
        """Keep the patch, which may have come by a pipe."""
        with _explained(self.path):
            self.patch.write_bytes(content)

    def copy(self, other: Path, name: str) -> None:
        """Copy the scenarios and the patch of another folder, and the logs of its guests to a folder with this name."""
        with _explained(self.path):
            if (other / GUESTS).is_dir():
                shutil.copytree(other / GUESTS, self.guests / name)
            for copy in (other / _SCENARIOS).rglob("*"):
                target = self.path / copy.relative_to(other)
                # Shards have the same scenarios.
                if copy.is_file() and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(copy, target)
            if (other / PATCH).is_file():
                shutil.copyfile(other / PATCH, self.patch)

    def discard(self) -> None:
        """Remove what was written: there is no run."""
        with _explained(self.path):
            _remove(self.path, _CONTENTS)

    def begin(self) -> None:
        """Remove what an interrupted run wrote at its end: this folder's run is under way again."""
        with _explained(self.path):
            _remove(self.path, _LAST)
            self.guests.mkdir(parents=True, exist_ok=True)

    def finish(self, run: RunSummary) -> None:
        """Write every report, the JSON document last.

        In the state folder, also set the link `latest`, and remove the oldest folders beyond `KEPT`.
        """
        with _explained(self.path):
            with whole(self.path / "summary.txt") as file:
                Terminal(file, plain=True).report(run, self.path)
            for name, report in REPORTS.items():
                if report == RESULTS:
                    self.record(run.facts)
                with whole(self.path / report) as file:
                    FORMATS[name].write(run, file)
        if self.root is not None:
            with _explained(self.root):
                _link(self.root / LATEST, self.path)
                _prune(self.root)


def opened(out: str | None, started: datetime) -> AbstractContextManager[Folder]:
    """Make and lock a folder for the length of a `with`: `out`, or a new one in the state folder.

    A new folder is removed at the end if no guest was started. Raises UsageError if `out` cannot be used, SetupError
    if the state folder cannot be written.
    """
    return _new(default_root(), started) if out is None else _named(Path(out))


@contextmanager
def _new(root: Path, started: datetime) -> Iterator[Folder]:
    with _explained(root):
        path = _fresh(root, started)
        lock = folder_lock(path)
        lock.acquire(timeout=0)
    folder = Folder(path, path / GUESTS, root)
    try:
        with _explained(path):
            folder.guests.mkdir()
        yield folder
    finally:
        has_results = (path / RESULTS).exists() or (folder.results.exists() and folder.results.stat().st_size)
        if not has_results and _is_empty(folder.guests):
            shutil.rmtree(path, ignore_errors=True)
        lock.release()


@contextmanager
def _named(path: Path) -> Iterator[Folder]:
    """Make and lock a folder that the user named; remove what an earlier run wrote there."""
    shown = f"--out `{path}`"
    if path.is_dir():
        _refuse_foreign(path, shown)
    elif path.exists():
        raise UsageError(f"{shown} is not a folder")
    with _locked(path, shown, "made or written"):
        with _explained(path):
            _remove(path, _CONTENTS)
            (path / GUESTS).mkdir()
        yield Folder(path, path / GUESTS)


@contextmanager
def unfinished(name: str) -> Iterator[tuple[Folder, dict[str, Any]]]:
    """Lock the folder of a run that has not ended, for the length of a `with`; yield it and its run.json.

    Nothing is changed there before `Folder.begin`. Raises UsageError for any other folder.
    """
    path = Path(name)
    shown = f"--resume `{name}`"
    _run_facts(path, shown)
    path = path.resolve()
    with _locked(path, shown, "written"):
        facts = _run_facts(path, shown)
        if (path / RESULTS).exists() and facts.get("status") != INTERRUPTED and not facts.get("stopped"):
            raise UsageError(f"{shown}: this run has ended, with status {facts.get('status')}")
        root = path.parent if path.parent == default_root().resolve() else None
        number = len(facts.get("resumed", ())) + 1
        yield Folder(path, path / GUESTS / f"resumed-{number}", root), facts


def ended(name: str, shown: str) -> dict[str, Any]:
    """Return the run.json of a run that ended, perhaps early. Raises UsageError, with `shown`, for any other folder."""
    path = Path(name)
    facts = _run_facts(path, shown)
    if facts.get("schema") != destination.SCHEMA:
        raise UsageError(f"{shown}: schema {facts.get('schema')}, but this lazymmu reads schema {destination.SCHEMA}")
    if facts.get("status") is None or not (path / RESULTS).is_file():
        raise UsageError(f"{shown}: this run has not ended: there is no {RESULTS}")
    return facts


def recorded(name: str, shown: str) -> dict[str, Any]:
    """Return the run.json of a run that may not have ended. Raises UsageError, with `shown`, for any other folder."""
    return _run_facts(Path(name), shown)


def contents(path: Path) -> list[Path]:
    """Return the files that a run wrote to its folder."""
    found = [one for name in _CONTENTS for one in ((path / name), *(path / name).rglob("*"))]
    return sorted(one for one in found if one.is_file() and not one.is_symlink())


def _run_facts(path: Path, shown: str) -> dict[str, Any]:
    """Return the run.json of a folder. Raises UsageError if no run wrote one there."""
    if not (path / RUN).is_file():
        raise UsageError(f"{shown} is not the results folder of a run: there is no {RUN}")
    facts = _facts(path)
    if facts is None:
        raise UsageError(f"{shown}: {path / RUN} was not written by a run of lazymmu, or is damaged")
    return facts


@contextmanager
def _locked(path: Path, shown: str, purpose: str) -> Iterator[None]:
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = folder_lock(path).acquire(timeout=0)
    except Timeout:
        raise UsageError(f"{shown}: another run is using this folder", hint="name a folder for each run") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be {purpose}: {error.strerror}") from error
    with lock:
        yield


def folder_lock(path: Path) -> FileLock:
    """Return the lock that a run holds on its folder."""
    # The soft fallback, a lock by the file's existence, would outlive its process.
    return FileLock(path / LOCK, thread_local=False, fallback_to_soft=False)


def _refuse_foreign(path: Path, shown: str) -> None:
    """Raise UsageError if a folder holds files, and no run wrote its run.json or was killed before it could."""
    first = (LOCK, destination.partial(path / RUN).name)
    try:
        entries = list(path.iterdir())
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}") from error
    began = all(entry.name in first or (entry.name == GUESTS and _is_empty(entry)) for entry in entries)
    if not began and _facts(path) is None:
        raise UsageError(
            f"{shown} holds files that are not of an earlier run",
            hint="name a new or empty folder, or one of an earlier run, which is overwritten",
        )


def _facts(path: Path) -> dict[str, Any] | None:
    """Return the contents of a folder's run.json; None if no run of lazymmu wrote one."""
    try:
        facts = json.loads((path / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and _PROGRAM in facts.items() else None


def _fresh(root: Path, started: datetime) -> Path:
    """Make a folder with a new name; names sort by time."""
    name = f"{started:%Y%m%d-%H%M%S}.{started.microsecond // 1000:03}-{os.getpid()}"
    root.mkdir(parents=True, exist_ok=True)
    # In another container with the same home, a process may have this number and start in the same millisecond.
    path = root / name
    for number in count(2):
        with suppress(FileExistsError):
            path.mkdir()
            break
        path = root / f"{name}-{number}"
    return path


def _link(link: Path, path: Path) -> None:
    """Let a link name a folder beside it. The link exists at every moment."""
    new = link.with_name(f".{link.name}.{path.name}")
    new.unlink(missing_ok=True)
    new.symlink_to(path.name)
    new.rename(link)


def kept(root: Path) -> list[Path]:
    """Return the folders of runs in a state folder, the last first. Raises OSError if it cannot be read."""
    if not root.exists():
        return []
    # Their names sort by time; other folders are the user's.
    named = (path for path in root.iterdir() if _NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink())
    return sorted(named, reverse=True)


def _prune(root: Path) -> None:
    """Remove the oldest folders beyond `KEPT`, except those of runs that are under way."""
    for path in kept(root)[KEPT:]:
        with suppress(Timeout, OSError), folder_lock(path).acquire(timeout=0):
            # Another run may be removing the same folder.
            shutil.rmtree(path, ignore_errors=True)


def _relative(scenario: Scenario) -> str:
    """Return the path of a scenario's copy; it does not lead out of the folder."""
    name = PurePosixPath(scenario.name + Path(scenario.path).suffix)
    return "/".join({"/": "_root", "..": "_up"}.get(part, part) for part in name.parts)


def _is_empty(path: Path) -> bool:
    return not (path.is_dir() and any(path.iterdir()))


def _remove(folder: Path, names: Sequence[str]) -> None:
    for path in [folder / name for name in names]:
        destination.partial(path).unlink(missing_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
