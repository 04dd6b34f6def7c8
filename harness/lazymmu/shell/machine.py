# SPDX-License-Identifier: GPL-2.0-only
"""The machine of a shell: that of a run, with busybox and our own commands behind the agent in its archive.

It has a snapshot of its own, by its archive and its kernel's arguments, so that the guests of a run pay nothing for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from lazymmu.guests.machine import Machine, ensure_bootable
from lazymmu.provision import checksum, cpio, shell_image
from lazymmu.provision.cache import Cache, digest
from lazymmu.support.project import SHELL_SOURCE

_SCRIPTS = ("lazymmu-log", "run-scenario")
_FOLDERS = ("bin", "etc", "lazymmu", "tmp")
_NEEDS = 16_000_000
# There is no other user, and no password with which one could log in.
_USERS = {"etc/passwd": "root:*:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n"}


def _entries(arch: str, busybox: bytes) -> list[cpio.Entry]:
    """Return what stands in the archive behind the agent's own."""
    texts = {
        **_USERS,
        "etc/profile": (SHELL_SOURCE / "profile").read_text(encoding="utf-8"),
        "etc/shellrc": f"PS1='{arch} \\w # '\n",
        "lazymmu/show.awk": (SHELL_SOURCE / "show.awk").read_text(encoding="utf-8"),
    }
    return [
        *(cpio.directory(name) for name in _FOLDERS),
        # An SSH server takes no keys from a folder that others may write.
        cpio.directory("root", 0o700),
        cpio.program("bin/busybox", busybox),
        cpio.link("bin/sh", "busybox"),
        *(cpio.program(f"bin/{name}", (SHELL_SOURCE / name).read_bytes()) for name in _SCRIPTS),
        *(cpio.file(name, text.encode()) for name, text in texts.items()),
    ]


def _archive(cache: Cache, machine: Machine, busybox: Path) -> Path:
    """Return the initramfs of a shell's guest: that of a run, and ours behind it (the kernel unpacks both)."""
    more = cpio.archive(_entries(machine.name, busybox.read_bytes()))
    key = digest([machine.boot.archive.name, more])

    def build(target: Path) -> None:
        ensure_bootable(machine)
        target.write_bytes(machine.boot.archive.read_bytes() + more)

    store = machine.boot.sandbox.root / "lazymmu" / "archives" / f"{key}.cpio"
    return cache.obtain(
        store, f"guest archive with a shell for {machine.name}", build, needs=_NEEDS, look=checksum.glance
    )


def with_shell(
    machine: Machine, kernel_arguments: Sequence[str], qemu_arguments: Sequence[str], *, offline: bool
) -> Machine:
    """Return the machine of a shell, made from that of a run. Raises SetupError."""
    cache, arch = machine.images.cache, machine.boot.architecture.name
    busybox = shell_image.busybox(cache, [arch], offline=offline)[arch]
    boot = replace(
        machine.boot,
        archive=_archive(cache, machine, busybox),
        kernel_arguments=(*machine.boot.kernel_arguments, *kernel_arguments),
        arguments=(*machine.boot.arguments, *qemu_arguments),
    )
    return replace(machine, boot=boot)
