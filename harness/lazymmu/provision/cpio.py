# SPDX-License-Identifier: GPL-2.0-only
"""A writer of "newc" cpio archives, the format of an initramfs (kernel: driver-api/early-userspace/buffer-format).

No maintained library writes this format, and it can hold a device node that a normal user cannot make.
"""

import stat
from collections.abc import Iterable, Mapping

from msgspec import Struct


class Entry(Struct, frozen=True):
    """One member. `mode` has the file type (as in stat.S_IFDIR), `device` is (major, minor) of a node."""

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def directory(name: str, mode: int = 0o755) -> Entry:
    """Return a folder, which everybody can read unless `mode` says otherwise."""
    return Entry(name, stat.S_IFDIR | mode)


def file(name: str, data: bytes) -> Entry:
    """Return a file that everybody can read."""
    return Entry(name, stat.S_IFREG | 0o644, data)


def link(name: str, target: str) -> Entry:
    """Return a symbolic link."""
    return Entry(name, stat.S_IFLNK | 0o777, target.encode())


def program(name: str, data: bytes) -> Entry:
    """Return a file that everybody can run."""
    return Entry(name, stat.S_IFREG | 0o755, data)


def node(name: str, major: int, minor: int) -> Entry:
    """Return a character device that only root can use."""
    return Entry(name, stat.S_IFCHR | 0o600, device=(major, minor))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _member(inode: int, entry: Entry) -> bytes:
    name = entry.name.encode() + b"\0"
    size = len(entry.data)
    # ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    fields = (inode, entry.mode, 0, 0, 1, 0, size, 0, 0, *entry.device, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(entry.data)


def archive(entries: Iterable[Entry]) -> bytes:
    """Return an archive. The same entries always give the same bytes, because it has no times and no owners."""
    members = [*entries, Entry("TRAILER!!!", 0)]
    return b"".join(_member(inode, entry) for inode, entry in enumerate(members, start=1))


def initramfs(programs: Mapping[str, bytes], folders: Iterable[str] = ()) -> bytes:
    """Return an archive with these programs and folders, and what the kernel and an init need."""
    return archive(
        [
            *(directory(name) for name in (*folders, "dev", "proc", "sys")),
            # The kernel opens it for init before anything is mounted.
            node("dev/console", 5, 1),
            *(program(name, content) for name, content in programs.items()),
        ]
    )
