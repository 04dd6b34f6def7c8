# SPDX-License-Identifier: GPL-2.0-only
"""Asks apt what a Debian suite has now. apt verifies the signatures of the suite's lists.

It uses the host's apt, or one in a tool root. It does not read or change the host's own packages.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from msgspec import Struct

from lazymmu.provision.lock import Package
from lazymmu.provision.subprocesses import ToolError, Tools
from lazymmu.support import disk
from lazymmu.support.errors import SetupError

#: Debian's public keys, on a host and in a tool root.
KEYRING = "usr/share/keyrings/debian-archive-keyring.gpg"
# How apt's methods report that they reached no mirror (apt: methods/connect.cc, methods/http.cc), or a mirror or proxy
# with a passing trouble.
_NO_NETWORK = re.compile(
    r"Could not resolve|Temporary failure resolving|System error resolving|Something wicked happened resolving"
    r"|[Uu]nable to connect|Could not connect|Cannot initiate the connection|Could not create a socket"
    r"|Connection (failed|timed out)|Network is unreachable|Error reading from server|  (407|429|5\d\d)  "
)
# What apt prints after every failure.
_NO_REASON = ("Some index files failed", "Unable to fetch some archives")
_LONGEST_REASON = 200
_HINT = "is the network there? LAZYMMU_MIRROR names another mirror, http_proxy a proxy"


class NotThereError(SetupError):
    """A package that a suite does not have, or that depends on other packages than it used to."""


class Programs(Struct, frozen=True):
    """Where apt's programs are: on the host, or in a tool root."""

    #: Returns the host command that runs a command of apt.
    command: Callable[[list[str]], list[str]]
    #: Returns the name that a path of the host has for apt.
    inside: Callable[[Path], str]
    #: Where its folders are made.
    scratch: Path
    #: Debian's public keys, by the name that they have for apt.
    keyring: str = f"/{KEYRING}"


def refusal(error: SetupError) -> str | None:
    """Return why the archive refused something, in apt's words on one line; None if the error has another cause."""
    if isinstance(error, NotThereError):
        return error.message
    if not isinstance(error, ToolError) or any(text in error.output for text in disk.FULL_TEXTS):
        return None
    lines = [" ".join(line.removeprefix("E: ").split()) for line in error.output.splitlines() if line.startswith("E: ")]
    # The path of an address is long, and its last part tells what it was.
    reasons = [re.sub(r"https?://([^/ ]+)/\S*/", r"\1: ", line) for line in lines if not line.startswith(_NO_REASON)]
    return None if not reasons or _NO_NETWORK.search(error.output) else reasons[0][:_LONGEST_REASON]


class Apt(Struct, frozen=True):
    """apt with the package lists of one suite, in a folder of its own."""

    tools: Tools
    programs: Programs
    folder: Path
    suite: str

    @classmethod
    def open(
        cls,
        tools: Tools,
        programs: Programs,
        folder: Path,
        suite: str,
        mirrors: Iterable[str],
        architectures: Sequence[str],
    ) -> "Apt":
        """Fetch the lists of a suite for these Debian architectures, the host's first. Raises SetupError."""
        for name in ("lists/partial", "cache/archives/partial", "state"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        options = f"arch={','.join(architectures)} signed-by={programs.keyring}"
        sources = "".join(f"deb [{options}] {mirror} {suite} main\n" for mirror in mirrors)
        (folder / "sources.list").write_text(sources, encoding="utf-8")
        template = Path(__file__).with_name("apt.conf").read_text(encoding="utf-8")
        configuration = template.format(
            folder=programs.inside(folder),
            host=architectures[0],
            architectures=" ".join(f'"{one}";' for one in architectures),
            # Root's apt would become a user who may not write there.
            user="root" if os.geteuid() == 0 else "",
        )
        (folder / "apt.conf").write_text(configuration, encoding="utf-8")
        apt = cls(tools, programs, folder, suite)
        apt._run(["apt-get", "update", "--error-on=any"], f"fetch the package lists of {suite}")
        return apt

    def _run(self, argv: list[str], what: str) -> str:
        config = f"APT_CONFIG={self.programs.inside(self.folder / 'apt.conf')}"
        return self.tools.run(self.programs.command(["env", config, *argv]), what=what, hint=_HINT)

    def _stanzas(self, packages: Sequence[str]) -> list[dict[str, str]]:
        """Return the fields of these packages (`name:architecture`, or with `=version`); the newest of each first."""
        try:
            text = self._run(["apt-cache", "show", *packages], f"look for {packages[0]} in {self.suite}")
        except ToolError as error:
            if "No packages found" not in error.output:
                raise
            return []
        return [dict(re.findall(r"^([\w-]+): (.*)$", stanza, re.MULTILINE)) for stanza in text.split("\n\n") if stanza]

    def show(self, package: str) -> dict[str, str]:
        """Return the fields of the newest version of a package (`name:architecture`). Raises NotThereError."""
        found = self._stanzas([package])
        if not found:
            raise NotThereError(f"{self.suite} has no package {package}", hint=_HINT)
        return found[0]

    def depends(self, package: str, pattern: str, *, otherwise: str | None = None) -> str:
        """Return the first name in a package's Depends that matches, or `otherwise`. Raises NotThereError."""
        names = re.findall(r"(?:^|, )([^ ,]+)", self.show(package).get("Depends", ""))
        found = next((str(name) for name in names if re.fullmatch(pattern, name)), otherwise)
        if found is None:
            raise NotThereError(f"{package} does not depend on {pattern}: its packaging has changed")
        return found

    def closure(self, packages: Sequence[str]) -> list[str]:
        """Return packages (`name:architecture`) and all that they depend on, each as `name:architecture=version`."""
        # --simulate would take twice as long.
        command = ["apt-get", "--print-uris", "--yes", "install", *packages]
        try:
            text = self._run(command, f"resolve {', '.join(packages)} in {self.suite}")
        except ToolError as error:
            reason = refusal(error)
            if reason is None:
                raise
            raise NotThereError(f"{self.suite}: {reason}", hint=_HINT) from error
        found = re.findall(r"^'[^']*' ([^ _]+)_([^ _]+)_(\w+)\.deb ", text, re.MULTILINE)
        return [f"{name}:{architecture}={unquote(version)}" for name, version, architecture in found]

    def packages(self, names: Sequence[str]) -> tuple[Package, ...]:
        """Return what the lists say about packages (`name:architecture=version`). Raises NotThereError."""
        wanted = dict.fromkeys(names)
        found = {
            f"{one['Package']}:{one['Architecture']}={one['Version']}": Package(
                *(one["Package"], one["Version"], one["Architecture"]), int(one["Size"]), one["SHA256"], one["Filename"]
            )
            for one in self._stanzas(list(wanted))
        }
        lost = [name for name in wanted if name not in found]
        if lost:
            raise NotThereError(f"{self.suite} has no package {', '.join(lost)}", hint=_HINT)
        return tuple(found[name] for name in wanted)
