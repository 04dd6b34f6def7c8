# SPDX-License-Identifier: GPL-2.0-only
"""Debian's packages, from mmdebstrap and apt, which verify signatures and checksums.

No mirror is named here: mmdebstrap knows the default of each suite, and LAZYMMU_MIRROR replaces it. Only the main
suite is used, because -security and -updates of a mirror are not always in step with it. Where a mirror's lists or
files are out of step, the project's own package lists take the place of the mirror's (pinned_packages.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree
from typing import TypeVar
from urllib.parse import unquote

from msgspec import Struct

from lazymmu.provision import pinned_packages
from lazymmu.provision.cache import Cache
from lazymmu.provision.subprocesses import ToolError, Tools
from lazymmu.support import disk
from lazymmu.support.errors import SetupError

_MAIN_SUITE_ONLY = r'sed -i -e "/-updates /d" -e "/-security /d" "$1/etc/apt/sources.list"'
# How apt's methods report that they reached no mirror (apt: methods/connect.cc, methods/http.cc), or a mirror or proxy
# with a passing trouble.
_NO_NETWORK = re.compile(
    r"Could not resolve|Temporary failure resolving|System error resolving|Something wicked happened resolving"
    r"|[Uu]nable to connect|Could not connect|Cannot initiate the connection|Could not create a socket"
    r"|Connection (failed|timed out)|Network is unreachable|Error reading from server|  (407|429|5\d\d)  "
)
# What mmdebstrap adds when apt failed, and what apt prints after every failure.
_NO_REASON = ("apt-get update ", "mmdebstrap failed", "Some index files failed", "Unable to fetch some archives")
_REASONS = 2
_LOCKED_HINT = "when the mirror no longer has a locked version: lazymmu setup --update"
_MIRROR_HINT = "is the network there? LAZYMMU_MIRROR names another mirror, http_proxy a proxy"
# How apt names, with its architecture, a list or a file that a mirror refuses, and a package that no list has.
_NO_LIST = re.compile(r"^E: Failed to fetch .*/binary-(\w+)/", re.MULTILINE)
_NO_FILE = re.compile(r"^E: Failed to fetch .*_(\w+)\.deb\s", re.MULTILINE)
_NO_PACKAGE = re.compile(r"^E: (?:Unable to locate package|Version '.*' for) '?[^ :']+:(\w+)", re.MULTILINE)

_T = TypeVar("_T")


class NotThereError(SetupError):
    """A package that a suite does not have, or that depends on other packages than it used to."""


def refusal(error: SetupError) -> str | None:
    """Return why the archive refused something, in apt's words and on one line.

    None if the error has another cause: the network, the disk, a missing tool, an interrupt.
    """
    if isinstance(error, NotThereError):
        return error.message
    if not isinstance(error, ToolError) or any(text in error.output for text in disk.FULL_TEXTS):
        return None
    lines = [" ".join(line.removeprefix("E: ").split()) for line in error.output.splitlines() if line.startswith("E: ")]
    reasons = [line for line in dict.fromkeys(lines) if not line.startswith(_NO_REASON)]
    return None if not reasons or _NO_NETWORK.search(error.output) else "; ".join(reasons[:_REASONS])


def mmdebstrap(
    tools: Tools, arguments: Sequence[str], suite: str, target: Path, *, what: str, sources: str = _MAIN_SUITE_ONLY
) -> None:
    """Run mmdebstrap for the main section of one suite. It needs neither root nor namespaces.

    `sources` is the hook that edits its list of sources. Its temporary files are beside `target`.
    """
    mirror = os.environ.get("LAZYMMU_MIRROR")
    command = ["mmdebstrap", "--mode=chrootless", "--format=directory", f"--setup-hook={sources}", *arguments]
    tools.run(
        [*command, suite, str(target), *([mirror] if mirror else [])],
        what=what,
        env={"TMPDIR": str(target.parent)},
        hint=_MIRROR_HINT,
    )


class Apt(Struct, frozen=True):
    """apt with the package lists of one suite. It neither reads nor changes the host's own packages."""

    tools: Tools
    folder: Path
    suite: str

    @classmethod
    def open(
        cls, tools: Tools, folder: Path, suite: str, architectures: Sequence[str], pinned: Sequence[str] = ()
    ) -> Apt:
        """Fetch the lists of a suite for these Debian architectures, the host's first.

        For the architectures in `pinned`, and the host's with them, the project's lists are used.
        """
        sources = _MAIN_SUITE_ONLY
        if pinned:
            whole = [one for one in architectures if one not in pinned]
            listed = _with_host(architectures, pinned)
            sources = pinned_packages.repository(suite, listed, whole, folder.with_name(f"{folder.name}-pinned"))
        arguments = [
            "--variant=custom",
            f"--architectures={','.join(architectures)}",
            "--skip=cleanup/apt,cleanup/tmp,check/empty",
            # mmdebstrap's configuration of apt names the keys that it found for the suite.
            '--customize-hook=cp "$MMDEBSTRAP_APT_CONFIG" "$1/lazymmu-apt.conf"',
        ]
        mmdebstrap(tools, arguments, suite, folder, what=f"package lists of {suite}", sources=sources)
        return cls(tools, folder, suite)

    def _run(self, argv: Sequence[str], what: str, *, hint: str = _MIRROR_HINT, cwd: Path | None = None) -> str:
        config = {"APT_CONFIG": str(self.folder / "lazymmu-apt.conf")}
        return self.tools.run(argv, what=what, env=config, cwd=cwd, hint=hint)

    def text(self, package: str) -> str:
        """Return what the lists say about a package (`name:architecture`, the newest, or with `=version`)."""
        # It prints all versions, the newest first. With --no-all-versions it takes a second.
        try:
            text = self._run(["apt-cache", "show", package], f"look for {package} in {self.suite}")
        except ToolError as error:
            if "No packages found" not in error.output:
                raise
            return ""
        return text.partition("\n\n")[0] + "\n"

    def show(self, package: str) -> dict[str, str]:
        """Return the fields of the newest version of a package (`name:architecture`). Raises NotThereError."""
        fields = dict(re.findall(r"^([\w-]+): (.*)$", self.text(package), re.MULTILINE))
        if "Version" not in fields:
            raise NotThereError(f"{self.suite} has no package {package}", hint=_MIRROR_HINT)
        return fields

    def needed(self, package: str) -> list[str]:
        """Return a package (`name:architecture`) and all that it depends on, each as `name:architecture=version`."""
        # --simulate would take twice as long.
        command = ["apt-get", "--print-uris", "--no-install-recommends", "--yes", "install", package]
        text = self._run(command, f"resolve what {package} depends on in {self.suite}")
        found = re.findall(r"^'[^']*' ([^ _]+)_([^ _]+)_(\w+)\.deb ", text, re.MULTILINE)
        return [f"{name}:{architecture}={unquote(version)}" for name, version, architecture in found]

    def download(self, packages: Sequence[str], target: Path, *, hint: str = _LOCKED_HINT) -> list[Path]:
        """Fetch packages (`name:architecture=version`) into a folder. Return the files."""
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
    """Return the result of `work`, which gets apt with a suite's lists, and a folder for files.

    `architectures` are Debian's, the host's first. If the mirror refuses a list, or a file that its lists name, this
    starts again with the project's lists for those architectures, and says so; but not without `fallback`. Raises
    SetupError.
    """
    pinned: list[str] = []
    first = ""
    while True:
        place = folder / "-".join(["by", *pinned])
        place.mkdir(parents=True)
        try:
            return work(Apt.open(cache.tools, place / "apt", suite, architectures, pinned), place / "files")
        except SetupError as error:
            why, output = refusal(error), error.output if isinstance(error, ToolError) else ""
            more = [one for one in _refused(output, architectures) if one not in pinned]
            listed = _with_host(architectures, [*pinned, *more])
            if why is None or not more or not fallback or not pinned_packages.has(suite, listed, folder):
                if why is None or not first:
                    raise
                raise NotThereError(f"{first}; and by images/packages: {why}", hint=error.hint) from error
        cache.progress.say(f"{suite} of this mirror: {why}; going by images/packages for {', '.join(more)}")
        pinned += more
        first = first or why
        rmtree(place)


def _with_host(architectures: Sequence[str], some: Sequence[str]) -> list[str]:
    """Return some of the architectures with the host's, the first: its programs must match the guests' packages."""
    return list(dict.fromkeys([architectures[0], *some]))


def _refused(output: str, architectures: Sequence[str]) -> list[str]:
    """Return the architectures of what a mirror refused: lists, or else files and packages.

    A file for the host, or for every architecture, goes with those of all guests.
    """
    files = {*_NO_FILE.findall(output), *_NO_PACKAGE.findall(output)}
    found = set(_NO_LIST.findall(output)) or ({*architectures} if files & {architectures[0], "all"} else files)
    return [one for one in architectures if one in found]


def depends(fields: dict[str, str], pattern: str, *, otherwise: str | None = None) -> str:
    """Return the first package name in Depends that matches the whole pattern, else `otherwise`.

    Raises NotThereError if nothing matches and `otherwise` is None.
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
