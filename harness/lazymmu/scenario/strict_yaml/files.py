# SPDX-License-Identifier: GPL-2.0-only
"""Reads the text of one file, or says why it cannot. It never waits, whatever the path is."""

import os
import stat

from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.support.errors import Place

#: Size of a file, in bytes.
MAX_FILE_BYTES = 1 << 20

#: st_mode's type -> its name.
_TYPES = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def read_text(path: str, problems: Problems, what: str = "scenario") -> str | None:
    """Return the file's text without a byte order mark, or None with the reason added to `problems`."""
    start = Place(path, 1, 1)
    try:
        # Before it is opened: to open a FIFO waits for a writer, and some devices act on it.
        mode = os.stat(path).st_mode  # noqa: PTH116 -- the path stays a string, as it was given
        if not stat.S_ISREG(mode):
            problems.add(
                start, f"not a {what} file: it is {_TYPES.get(stat.S_IFMT(mode), 'not a regular file')}", rule="file"
            )
            return None
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        problems.add(start, f"cannot be read: {error.strerror or error}", rule="file")
        return None
    if len(content) > MAX_FILE_BYTES:
        problems.add(start, f"too large for a {what}: more than {MAX_FILE_BYTES:,} bytes", rule="file")
        return None
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        place = Place(path, before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.add(place, f"not a text file: byte 0x{content[error.start]:02x} is not UTF-8", rule="file")
        return None
