# SPDX-License-Identifier: GPL-2.0-only
"""Debian's packages through mmdebstrap and apt, which verify signatures and checksums.

No mirror is named here: mmdebstrap knows the default of each suite, and LAZYMMU_MIRROR replaces it. Only the main
suite is used: -security and -updates of a mirror are not always in step with it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from typing import NoReturn, TypeVar
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.provision import pinned_packages
from lazymmu.provision.cache import Cache
from lazymmu.provision.subprocesses import ToolError, Tools
from lazymmu.support import disk
from lazymmu.support.errors import SetupError

_MAIN_SUITE_ONLY = r'sed -i -e "/-updates /d" -e "/-security /d" "$1/etc/apt/sources.list"'
# How the methods of apt say that they came to no mirror (apt: methods/connect.cc, methods/http.cc); a mirror, or a
# proxy before it, that is ill may be well the next time.
_NO_NETWORK = re.compile(
    r"Could not resolve|Temporary failure resolving|System error resolving|Something wicked happened resolving"
    r"|[Uu]nable to connect|Could not connect|Cannot initiate the connection|Could not create a socket"
    r"|Connection (failed|timed out)|Network is unreachable|Error reading from server|  (407|429|5\d\d)  "
)
# What mmdebstrap adds when apt failed, and what apt says whatever it was.
_NO_REASON = ("apt-get update ", "mmdebstrap failed", "Some index files failed", "Unable to fetch some archives")
_REASONS = 2
_LOCKED_HINT = "when the mirror no longer has a locked version: lazymmu setup --update"
_MIRROR_HINT = "is the network there? LAZYMMU_MIRROR names another mirror, http_proxy a proxy"
# How apt names the packages that it could not have, by their architecture.
_NO_FILE = re.compile(r"^E: Failed to fetch .*_(\w+)\.deb\s", re.MULTILINE)
_NO_PACKAGE = re.compile(r"^E: (?:Unable to locate package|Version '.*' for) '?[^ :']+:(\w+)", re.MULTILINE)

_T = TypeVar("_T")


class NotThereError(SetupError):
    """A package that a suite does not have, or that is made up in another way than others of its kind."""


def refusal(error: SetupError) -> str | None:
    """Return why the archive did not give what it was asked for, in apt's words and on one line.

    None when that is not what the error is about: the network, the disk, a tool that is missing, an interrupt.
    """
    if isinstance(error, NotThereError):
        return error.message
    if not isinstance(error, ToolError) or any(text in error.output for text in disk.FULL_TEXTS):
        return None
    lines = [" ".join(line.removeprefix("E: ").split()) for line in error.output.splitlines() if line.startswith("E: ")]
    told = [line for line in dict.fromkeys(lines) if not line.startswith(_NO_REASON)]
    if not told or _NO_NETWORK.search(error.output):
        return None
    return "; ".join(told[:_REASONS])


def mmdebstrap(
    tools: Tools,
    arguments: Sequence[str],
    suite: str,
    target: Path,
    *,
    what: str,
    sources: str = _MAIN_SUITE_ONLY,
) -> None:
    """Run mmdebstrap for the main section of one suite; needs neither root nor namespaces.

    `sources` is the hook that edits its list of sources. Its temporary files stand beside `target`.
    """
    mirror = os.environ.get("LAZYMMU_MIRROR")
    tools.run(
        [
            "mmdebstrap",
            "--mode=chrootless",
            "--format=directory",
            f"--setup-hook={sources}",
            *arguments,
            suite,
            str(target),
            *([mirror] if mirror else []),
        ],
        what=what,
        env={"TMPDIR": str(target.parent)},
        hint=_MIRROR_HINT,
    )


def _lists(
    tools: Tools, folder: Path, suite: str, architectures: Sequence[str], *, sources: str = _MAIN_SUITE_ONLY
) -> None:
    # mmdebstrap's configuration of apt names the keys that it found for the suite; keep it for our own calls.
    mmdebstrap(
        tools,
        [
            "--variant=custom",
            f"--architectures={','.join(architectures)}",
            "--skip=cleanup/apt,cleanup/tmp,check/empty",
            '--customize-hook=cp "$MMDEBSTRAP_APT_CONFIG" "$1/lazymmu-apt.conf"',
        ],
        suite,
        folder,
        what=f"package lists of {suite}",
        sources=sources,
    )


def _with_host(architectures: Sequence[str], some: Sequence[str]) -> list[str]:
    """Return some of the architectures, and first the host's: what runs on it goes with what is built for a guest."""
    return list(dict.fromkeys([architectures[0], *some]))


def _say(cache: Cache, suite: str, why: str, architectures: Sequence[str]) -> None:
    cache.progress.say(f"{suite} of this mirror: {why}; going by images/packages for {', '.join(architectures)}")


def _fail(error: SetupError, instead: str) -> NoReturn:
    """Raise the error, behind the reason for which the project's lists were taken, if they were."""
    why = refusal(error)
    if why is None or not instead:
        raise error
    raise NotThereError(f"{instead}; and by images/packages: {why}", hint=error.hint) from error


def _without_lists(output: str, architectures: Sequence[str]) -> list[str]:
    """Return for which architectures a list could not be had; none when it is not for a list that apt failed."""
    failed = [line for line in output.splitlines() if line.startswith("E: Failed to fetch ")]
    return [one for one in architectures if any(f"/binary-{one}/" in line for line in failed)]


def _without_files(output: str, architectures: Sequence[str]) -> list[str]:
    """Return for which architectures a package could not be had: its file is not there or another, or no list has it.

    All of them when it is one for the host, which goes with those for guests, or for every architecture.
    """
    found = set(_NO_FILE.findall(output)) | set(_NO_PACKAGE.findall(output))
    if found & {architectures[0], "all"}:
        return list(architectures)
    return [one for one in architectures if one in found]


class Apt(Struct, frozen=True):
    """apt with a suite of its own: nothing of the host's package state is read or changed."""

    tools: Tools
    folder: Path
    suite: str
    #: The (Debian) architectures whose lists are those that the project carries, and why the archive's are not taken.
    carried: tuple[str, ...] = ()
    instead: str = ""

    @classmethod
    def open(
        cls,
        cache: Cache,
        folder: Path,
        suite: str,
        architectures: Sequence[str],
        *,
        fallback: bool = True,
        before: Apt | None = None,
    ) -> Apt:
        """Fetch the suite's package lists for these (Debian) architectures, the host's own first.

        For an architecture whose list the archive refuses, that which the project carries is taken, and that is said;
        not so without `fallback`. For those that `before` names it is taken at once.
        """
        refused, instead = (list(before.carried), before.instead) if before else ([], "")
        # apt may name one list that it could not have, and with that one replaced the next.
        while True:
            place, hook = folder.with_name("-".join([folder.name, *refused])), _MAIN_SUITE_ONLY
            if refused:
                whole = [one for one in architectures if one not in refused]
                repository = place.with_name(f"{place.name}-carried")
                hook = pinned_packages.repository(suite, _with_host(architectures, refused), whole, repository)
            try:
                _lists(cache.tools, place, suite, architectures, sources=hook)
                return cls(tools=cache.tools, folder=place, suite=suite, carried=tuple(refused), instead=instead)
            except ToolError as error:
                why = refusal(error)
                more = [one for one in _without_lists(error.output, architectures) if one not in refused]
                listed = _with_host(architectures, [*refused, *more])
                if why is None or not more or not fallback or not pinned_packages.has(suite, listed, folder):
                    _fail(error, instead)
            refused += more
            instead = instead or why
            _say(cache, suite, why, more)

    def _run(self, argv: Sequence[str], what: str, *, hint: str = _MIRROR_HINT, cwd: Path | None = None) -> str:
        config = {"APT_CONFIG": str(self.folder / "lazymmu-apt.conf")}
        return self.tools.run(argv, what=what, env=config, cwd=cwd, hint=hint)

    def text(self, package: str) -> str:
        """Return what the lists say of a package (`name:architecture`, the newest, or with `=version`)."""
        # All versions, the newest first: for apt to choose one takes it a second.
        try:
            text = self._run(["apt-cache", "show", package], f"look for {package} in {self.suite}")
        except ToolError as error:
            if "No packages found" not in error.output:
                raise
            return ""
        return text.partition("\n\n")[0] + "\n"

    def show(self, package: str) -> dict[str, str]:
        """Return the fields of a package's newest version (`name:architecture`). Raises NotThereError."""
        text = self.text(package)
        fields = dict(re.findall(r"^([\w-]+): (.*)$", text, re.MULTILINE))
        if "Version" not in fields:
            raise NotThereError(f"{self.suite} has no package {package}", hint=_MIRROR_HINT)
        return fields

    def needed(self, package: str) -> list[str]:
        """Return a package (`name:architecture`) and all that it depends on, each as `name:architecture=version`."""
        # What it would fetch; to ask what it would do (--simulate) takes it twice as long.
        command = ["apt-get", "--print-uris", "--no-install-recommends", "--yes", "install", package]
        text = self._run(command, f"resolve what {package} depends on in {self.suite}")
        found = re.findall(r"^'[^']*' ([^ _]+)_([^ _]+)_(\w+)\.deb ", text, re.MULTILINE)
        return [f"{name}:{architecture}={unquote(version)}" for name, version, architecture in found]

    def download(self, packages: Sequence[str], target: Path, *, hint: str = _LOCKED_HINT) -> list[Path]:
        """Fetch packages (`name:architecture=version`) into a folder; return the files."""
        target.mkdir(parents=True, exist_ok=True)
        # It writes into its working folder.
        self._run(["apt-get", "download", *packages], f"download {' '.join(packages)}", hint=hint, cwd=target)
        return sorted(target.glob("*.deb"))


def with_lists(
    cache: Cache,
    folder: Path,
    suite: str,
    architectures: Sequence[str],
    work: Callable[[Apt, Path], _T],
    *,
    fallback: bool = True,
) -> _T:
    """Return what `work` gives, which gets apt with a suite's lists, and a folder for its files.

    `architectures` are Debian's, the host's own first. Where a mirror's lists are ahead of its files, `work` is done
    again, by those that the project carries for these architectures, and that is said; not so without `fallback`.
    """
    apt = None
    while True:
        place = folder / "-".join(["by", *(apt.carried if apt else ())])
        place.mkdir(parents=True)
        apt = Apt.open(cache, place / "apt", suite, architectures, fallback=fallback, before=apt)
        try:
            return work(apt, place / "files")
        except SetupError as error:
            why, output = refusal(error), error.output if isinstance(error, ToolError) else ""
            more = [one for one in _without_files(output, architectures) if one not in apt.carried]
            listed = _with_host(architectures, [*apt.carried, *more])
            if why is None or not more or not fallback or not pinned_packages.has(suite, listed, folder):
                _fail(error, apt.instead)
        _say(cache, suite, why, more)
        apt = replace(apt, carried=(*apt.carried, *more), instead=apt.instead or why)
        rmtree(place)


def depends(fields: dict[str, str], pattern: str, *, otherwise: str | None = None) -> str:
    """Return the first package name in Depends that matches the whole pattern, else `otherwise`.

    Raises NotThereError when there is none and nothing else was given.
    """
    for name in re.findall(r"(?:^|, )([^ ,]+)", fields.get("Depends", "")):
        if re.fullmatch(pattern, name):
            return str(name)
    if otherwise is not None:
        return otherwise
    raise NotThereError(f"{fields.get('Package')} does not depend on {pattern}: its packaging has changed")


def unpack(tools: Tools, deb: Path, target: Path) -> None:
    """Unpack a package's files."""
    tools.run(["dpkg-deb", "-x", str(deb), str(target)], what=f"unpack {deb.name}")
