# SPDX-License-Identifier: GPL-2.0-only
"""Snapshots: a guest as it was when its agent waited for the first request, in one file.

First the guest's memory, with holes where it is zero, then the state of its processors and devices as QEMU's migration
writes it, and last, when a module was loaded, where that lies. A restored guest maps the memory privately, so nothing
is copied and the file is never changed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from lazymmu.guests.boot import MEMORY_STAYS, Boot
from lazymmu.guests.qemu import Guest
from lazymmu.provision import checksum
from lazymmu.provision.cache import digest
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import SetupError

# Raise it when what is saved, or how, changes.
_VERSION = "2"
_PAGE = 4096
_PIECE = 1 << 20
_ZEROS = bytes(_PAGE)
_CPUINFO = Path("/proc/cpuinfo")
# What of /proc/cpuinfo tells one host's processor from another's, for guests that run on it.
_CPU_FACTS = ("vendor_id", "cpu family", "model", "stepping", "microcode", "flags", "machine", "features")
# How a migration ends (QEMU: qapi/migration.json, MigrationStatus).
_ENDS = ("completed", "failed", "cancelled")
# An address, behind what QEMU reads.
_PLACE_BYTES = 8
# Seconds after which QEMU is not waited for when it saves what is less than a megabyte.
_SAVING = 60.0


def path(boot: Boot, module: bytes = b"", parameters: str = "", files: Sequence[str] = ()) -> Path:
    """Return where the snapshot of this boot stands: its name holds everything that went into it.

    `module` is what was loaded before it was saved, with these parameters; `files` tells what came with it.
    """
    lines = dict.fromkeys(("console", "channel", "monitor"), 0)
    # The archive's name tells its content, the kernel's only its version.
    parts = [_VERSION, *boot.command(lines), checksum.recorded(boot.kernel) or ""]
    return (
        boot.sandbox.root
        / "lazymmu"
        / "snapshots"
        / f"{digest([*parts, *_qemu(boot), *_processor(boot), module, parameters, *files])}.snapshot"
    )


def _qemu(boot: Boot) -> Iterator[str]:
    """Yield what tells one build of QEMU from another: a state is loaded by the build that saved it."""
    status = (boot.sandbox.root / "usr" / "bin" / boot.architecture.qemu).stat()
    yield from (str(status.st_size), str(status.st_mtime_ns))


def _processor(boot: Boot) -> Iterator[str]:
    """Yield what the guest sees of the host's processor; nothing under emulation."""
    if boot.accelerator.name == "kvm":
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0].splitlines():
            if line.partition(":")[0].strip() in _CPU_FACTS:
                yield line


def save(guest: Guest, memory: Path, target: Path) -> None:
    """Save a guest whose memory is the file `memory` into the file `target`; the guest is dead then.

    Raises SetupError when QEMU does not do it, OSError when it cannot be written.
    """
    # QMP's library takes longer to load than a guest to be restored.
    from qemu.qmp import QMPClient  # noqa: PLC0415

    from lazymmu.guests.monitor import MonitorError, converse  # noqa: PLC0415

    state = memory.with_name("state")

    async def write(client: QMPClient) -> str:
        """Return how the migration ended, "completed" or what went wrong; it stops the guest."""
        capabilities = [MEMORY_STAYS, {"capability": "events", "state": True}]
        await client.execute("migrate-set-capabilities", {"capabilities": capabilities})
        with client.listener("MIGRATION") as events:
            await client.execute("migrate", {"uri": f"file:{guest.boot.sandbox.inside(state)}"})
            async for event in events:
                status = str(cast("Mapping[str, object]", event["data"])["status"])
                if status in _ENDS:
                    break
            # The reason stands in its answer before the event is sent, and on stderr some time later.
            end = cast("Mapping[str, object]", await client.execute("query-migrate"))
            return str(end.get("error-desc", end["status"]))

    try:
        status = converse(guest.monitor, write, Deadline.after(_SAVING))
    except MonitorError as error:
        status = f"{error} {guest.stderr()}".strip()
    if status != "completed":
        # Most likely for want of room; a guest that is ill shows it again where it boots.
        raise SetupError(f"QEMU could not save {guest.name}: {status}")
    guest.end()
    with target.open("wb") as file:
        _write_memory(memory, file)
        file.seek(guest.boot.memory_size)
        file.write(state.read_bytes())
    memory.unlink()
    state.unlink()


def copy_memory(saved: Path, target: Path, size: int) -> None:
    """Write a snapshot's memory, so many bytes, into a file of its own, to be the memory of a guest that goes on.

    All of its room is taken at once: a guest whose memory finds none would die of it. Raises OSError.
    """
    with saved.open("rb") as source, target.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
        offset = 0
        while (begin := _data_from(source, offset, size)) < size:
            offset = min(os.lseek(source.fileno(), begin, os.SEEK_HOLE), size)
            while begin < offset:
                begin += os.copy_file_range(source.fileno(), file.fileno(), offset - begin, begin, begin)


def _data_from(file: BinaryIO, offset: int, end: int) -> int:
    """Return where the first byte from `offset` on stands that is no hole, `end` if there is none."""
    try:
        return os.lseek(file.fileno(), offset, os.SEEK_DATA) if offset < end else end
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return end


def keep_place(saved: Path, address: int) -> None:
    """Write where the module's code lies in the guests of a snapshot, at its end."""
    with saved.open("ab") as file:
        file.write(address.to_bytes(_PLACE_BYTES, "little"))


def place(saved: Path) -> int:
    """Return what `keep_place` wrote."""
    with saved.open("rb") as file:
        file.seek(-_PLACE_BYTES, os.SEEK_END)
        return int.from_bytes(file.read(), "little")


def _write_memory(memory: Path, target: BinaryIO) -> None:
    """Write the pages that are not zero to where they were."""
    with memory.open("rb") as source:
        while piece := source.read(_PIECE):
            begin = source.tell() - len(piece)
            for offset in range(0, len(piece), _PAGE):
                page = piece[offset : offset + _PAGE]
                if page != _ZEROS:
                    target.seek(begin + offset)
                    target.write(page)
