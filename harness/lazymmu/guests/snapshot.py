# SPDX-License-Identifier: GPL-2.0-only
"""Snapshots: one file with the state of a guest whose agent waits for its first request.

The file holds the guest's memory, with holes where it is zero; then the state of processors and devices, as QEMU's
migration writes it; then, if the module is loaded, the module's address. A restored guest maps the memory privately, so
nothing is copied and the file never changes.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO

from lazymmu.guests.boot import EVENTS, SHARED_MEMORY_NOT_SAVED, Boot
from lazymmu.guests.monitor import Monitor
from lazymmu.guests.qemu import Guest
from lazymmu.provision import checksum
from lazymmu.provision.keys import digest
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import SetupError

# Increase it when the content or the format of a snapshot changes.
_VERSION = "3"
_PAGE = 4096
_PIECE = 1 << 20
_ZEROS = bytes(_PAGE)
_CPUINFO = Path("/proc/cpuinfo")
# The lines of /proc/cpuinfo that tell one processor from another, for guests that run on the host's.
_CPU_FACTS = ("vendor_id", "cpu family", "model", "stepping", "microcode", "flags", "machine", "features")
# The last states of a migration (QEMU: qapi/migration.json, MigrationStatus).
_FINAL_STATES = ("completed", "failed", "cancelled")
_ADDRESS_BYTES = 8
# The state of a guest that a debugger stopped, with its length, as QEMU saves it (QEMU: system/globalstate.c), and what
# replaces it: QEMU does not restore the first one.
_DEBUGGED, _PAUSED = b"\0\0\0\6debug\0\0", b"\0\0\0\7paused\0"
# QEMU saves less than a megabyte within this time (seconds).
_SAVING = 60.0


def path(boot: Boot, module: bytes = b"", parameters: str = "", files: Sequence[str] = ()) -> Path:
    """Return the path of a boot's snapshot. Its name is a digest of everything that went into it.

    `module` and its parameters are those that are loaded in the snapshot; `files` describes the files beside it.
    """
    fds = dict.fromkeys(("console", "channel", "monitor"), 0)
    # The archive's name depends on its content, the kernel's only on its version.
    parts = [_VERSION, *boot.command(fds), checksum.recorded(boot.kernel)]
    # Only the build of QEMU that saved a state can load it.
    qemu = (boot.sandbox.root / "usr" / "bin" / boot.architecture.qemu).stat()
    parts += [str(qemu.st_size), str(qemu.st_mtime_ns), *_host_processor(boot)]
    key = digest([*parts, module, parameters, *files])
    return boot.sandbox.root / "lazymmu" / "snapshots" / f"{key}.snapshot"


def _host_processor(boot: Boot) -> Iterator[str]:
    """Yield what the guest sees of the host's processor; nothing under emulation."""
    if boot.accelerator.name == "kvm":
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0].splitlines():
            if line.partition(":")[0].strip() in _CPU_FACTS:
                yield line


def save(guest: Guest, memory: Path, target: Path) -> None:
    """Save a guest into the file `target`, and end it; the file `memory` is its memory.

    Raises SetupError if QEMU refuses, OSError if the file cannot be written.
    """
    state = memory.with_name("state")
    try:
        status = _migrate(guest.monitor, f"file:{guest.boot.sandbox.inside(state)}")
    except OSError as error:
        status = f"{error} {guest.stderr()}".strip()
    if status != "completed":
        # The usual cause is a full disk. If the guest is ill, it will fail again when it boots.
        raise SetupError(f"QEMU could not save {guest.name}: {status}")
    guest.end()
    with target.open("wb") as file:
        _write_memory(memory, guest.boot.memory_size, file)
        file.seek(guest.boot.memory_size)
        file.write(_paused(state.read_bytes()))
    memory.unlink()
    state.unlink()


def _paused(state: bytes) -> bytes:
    return state.replace(_DEBUGGED, _PAUSED)


def _migrate(monitor: Monitor, target: str) -> str:
    """Write the state of processors and devices; return the reason why that failed, or "completed"."""
    deadline = Deadline.after(_SAVING)
    monitor.execute("migrate-set-capabilities", deadline, {"capabilities": [SHARED_MEMORY_NOT_SAVED, EVENTS]})
    monitor.execute("migrate", deadline, {"uri": target})
    while monitor.wait("MIGRATION", deadline)["status"] not in _FINAL_STATES:
        pass
    # QEMU sets the reason before it sends the event, but writes it to stderr some time later.
    end = monitor.execute("query-migrate", deadline)
    return str(end.get("error-desc", end["status"]))


def copy_memory(saved: Path, target: Path, size: int) -> None:
    """Copy the memory in a snapshot, `size` bytes, into a file that a guest can write. Raises OSError.

    Allocate all blocks first: a guest would die if the disk were full when it writes to its memory.
    """
    with target.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
        _write_memory(saved, size, file)


def append_module_address(saved: Path, address: int) -> None:
    """Write the address of the module's code at the end of a snapshot."""
    with saved.open("ab") as file:
        file.write(address.to_bytes(_ADDRESS_BYTES, "little"))


def module_address(saved: Path) -> int:
    """Return the address of the module's code in a snapshot that has the module."""
    with saved.open("rb") as file:
        file.seek(-_ADDRESS_BYTES, os.SEEK_END)
        return int.from_bytes(file.read(), "little")


def _write_memory(memory: Path, size: int, target: BinaryIO) -> None:
    """Write those pages of the first `size` bytes that are not zero, at their own offsets."""
    with memory.open("rb") as source:
        _write_pages(source, size, target)


def copy_without_zeros(source: IO[bytes], target: Path) -> None:
    """Copy an open file from its start, with holes where it is zero. Raises OSError."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    with target.open("wb") as file:
        _write_pages(source, size, file)
        file.truncate(size)


def _write_pages(source: IO[bytes], size: int, target: IO[bytes]) -> None:
    for begin in range(0, size, _PIECE):
        piece = source.read(_PIECE)
        for offset in range(0, len(piece), _PAGE):
            page = piece[offset : offset + _PAGE]
            if page != _ZEROS:
                target.seek(begin + offset)
                target.write(page)
