# SPDX-License-Identifier: GPL-2.0-only
"""The command `pack`: writes a results folder to one file that can be sent to others.

In all its texts and names, paths of the host become `/HOME`, `/FOLDER` and the like, and the names of the user and the
host become USER and HOST.
"""

import getpass
import json
import re
import tarfile
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import zstandard

from lazymmu.reports import results_folder
from lazymmu.reports.destination import Target
from lazymmu.session import requests
from lazymmu.support.errors import SetupError
from lazymmu.support.project import ROOT

#: A path at the beginning of a word of a command line, or after `=`.
_PATH = re.compile(r"(?:^|=)(/[^\s=]+)$")
#: Home folders, also of other machines.
_HOME = re.compile(r"/(?:home|Users)/([^/\s\"':]+)")
#: Paths below these are not of the user.
_SYSTEM = ("/", "/dev", "/proc", "/sys", "/usr", "/tmp")  # noqa: S108
#: A name that everybody has.
_COMMON = "root"


def pack(arguments: Namespace) -> int:
    """Write the file. Returns 0. Raises UsageError for a folder of no run, SetupError if the file cannot be written."""
    folder = Path(arguments.folder).resolve()
    facts = results_folder.recorded(arguments.folder, f"`{arguments.folder}`")
    target = Path(arguments.file or f"{folder.name}.tar.zst")
    Target("FILE", str(target)).check()
    scrub = Scrubber(_secrets(folder, facts))
    members = [path for path in results_folder.contents(folder) if path.resolve() != target.resolve()]
    try:
        with (
            target.open("wb") as raw,
            zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as stream,
            tarfile.open(fileobj=stream, mode="w|") as archive,
        ):
            for path in members:
                content = scrub(path.read_bytes())
                name = scrub(f"/{path.relative_to(folder)}".encode()).decode()
                # A new member has no owner and no time.
                member = tarfile.TarInfo(f"lazymmu-run{name}")
                member.size = len(content)
                archive.addfile(member, BytesIO(content))
    except OSError as error:
        target.unlink(missing_ok=True)
        raise SetupError(f"`{target}` could not be written: {error.strerror}") from error
    requests.human(arguments).line(f"{target}: {len(members)} files, {target.stat().st_size} bytes; look at it first")
    return 0


class Scrubber:
    """Replaces texts, the longest first; a text that is a name only where it is a word of its own."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        # JSON documents escape what is not ASCII.
        forms = {form: new for text, new in secrets.items() for form in (text, json.dumps(text)[1:-1])}
        self._new = {text.encode(): new.encode() for text, new in forms.items()}
        words = (rb"(?<![A-Za-z0-9])%s(?![A-Za-z0-9])", rb"%s(?![A-Za-z0-9])")
        texts = sorted(self._new, key=len, reverse=True)
        known = [words[text.startswith(b"/")] % re.escape(text) for text in texts]
        self._pattern = re.compile(b"|".join([*known, _HOME.pattern.encode()]))

    def __call__(self, content: bytes) -> bytes:
        """Return the content with all of them replaced, and home folders of others, too."""
        return self._pattern.sub(lambda found: self._new.get(found[0], b"/HOME"), content)


def _secrets(folder: Path, facts: Mapping[str, Any]) -> dict[str, str]:
    """Return what must not be in the file, and what takes its place; of two for one text, the last counts."""
    texts = [*_texts(facts)]
    paths = [Path(match[1]) for text in texts if (match := _PATH.search(text))]
    folders = {str(parent) for path in paths for parent in (path.parent, path)} - {*_SYSTEM}
    found = {text: "/FOLDER" for text in folders if not text.startswith(("/dev/", "/proc/", "/sys/"))}
    home, working = Path.home(), facts.get("working_folder", "/")
    homes = {match[0]: match[1] for text in [*texts, str(home), working] for match in _HOME.finditer(text)}
    found |= {working: "/WORKING", str(folder): "/RESULTS", str(requests.cache().root): "/CACHE", str(ROOT): "/LAZYMMU"}
    found |= {**dict.fromkeys(homes, "/HOME"), str(home): "/HOME"}
    found |= {facts.get("host", {}).get("name", ""): "HOST"}
    names = {home.name, *homes.values()}
    with suppress(OSError, KeyError):
        names.add(getpass.getuser())  # there may be no entry for a user of a container
    found |= dict.fromkeys(names, "USER")
    return {text: new for text, new in found.items() if text not in ("", _COMMON, *_SYSTEM)}


def _texts(value: object) -> Iterator[str]:
    """Yield every text of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from (str(key), *_texts(one))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
