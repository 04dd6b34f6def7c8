# SPDX-License-Identifier: GPL-2.0-only
"""The initramfs writer: its archives are read back here by the rules of the newc format."""

import stat

from lazymmu.provision import cpio


def read(data: bytes) -> dict[str, tuple[int, tuple[int, int], bytes]]:
    """Return name -> (mode, device, data) of an archive."""
    found: dict[str, tuple[int, tuple[int, int], bytes]] = {}
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + name_size - 1].decode()
        start = -(-(at + 110 + name_size) // 4) * 4
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, (fields[9], fields[10]), data[start : start + size])
        at = -(-(start + size) // 4) * 4


def test_folders_programs_and_nodes_come_back() -> None:
    entries = [cpio.directory("dev"), cpio.node("dev/console", 5, 1), cpio.program("init", b"\x7fELF odd")]
    assert read(cpio.archive(entries)) == {
        "dev": (stat.S_IFDIR | 0o755, (0, 0), b""),
        "dev/console": (stat.S_IFCHR | 0o600, (5, 1), b""),
        "init": (stat.S_IFREG | 0o755, (0, 0), b"\x7fELF odd"),
    }
