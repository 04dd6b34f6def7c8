# SPDX-License-Identifier: GPL-2.0-only
"""The initramfs of a shell's guest: a run's, followed by busybox and the commands of guest/shell.

A shell has its own snapshot, because the archive and the kernel's arguments are part of a snapshot's name. So the
guests of a run do not pay for it.
"""

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from lazymmu.guests.machine import Machine, ensure_bootable
from lazymmu.provision import builds, checksum, cpio, live, packages, parts
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import digest
from lazymmu.support.project import SHELL_SOURCE

# Its path in its package.
_BUSYBOX = "usr/bin/busybox"


def busybox(cache: Cache, arches: Sequence[str], *, offline: bool = False) -> dict[str, Path]:
    """Return each architecture's busybox in the cache, fetched first unless `offline`. Raises SetupError."""
    # Variants of an architecture have one part.
    asked = {arch: parts.shell(arch) for arch in arches}
    found = live.obtain(cache, [*dict.fromkeys(asked.values())], "shell for guests", offline=offline)
    return {arch: packages.folder(cache.root, found[one].packages[0]) / _BUSYBOX for arch, one in asked.items()}


def _entries(arch: str, busybox: bytes) -> list[cpio.Entry]:
    texts = {
        # Root is the only user, and no password logs in.
        "etc/passwd": "root:*:0:0:root:/root:/bin/sh\n",
        "etc/group": "root:x:0:\n",
        "etc/profile": (SHELL_SOURCE / "profile").read_text(encoding="utf-8"),
        "etc/shellrc": f"PS1='{arch} \\w # '\n",
        "lazymmu/show.awk": (SHELL_SOURCE / "show.awk").read_text(encoding="utf-8"),
    }
    return [
        *(cpio.directory(name) for name in ("bin", "etc", "lazymmu", "tmp")),
        # An SSH server takes no keys from a folder that others can write.
        cpio.directory("root", 0o700),
        cpio.program("bin/busybox", busybox),
        cpio.link("bin/sh", "busybox"),
        *(cpio.program(f"bin/{name}", (SHELL_SOURCE / name).read_bytes()) for name in ("lazymmu-log", "run-scenario")),
        *(cpio.file(name, text.encode()) for name, text in texts.items()),
    ]


def with_shell(
    machine: Machine, kernel_arguments: Sequence[str], qemu_arguments: Sequence[str], *, offline: bool
) -> Machine:
    """Return a run's machine with a shell and the user's arguments. Raises SetupError."""
    cache, arch = machine.images.cache, machine.boot.architecture.name
    program = busybox(cache, [arch], offline=offline)[arch]
    more = cpio.archive(_entries(machine.name, program.read_bytes()))
    path = machine.boot.sandbox.root / "lazymmu/archives" / f"{digest([machine.boot.archive.name, more])}.cpio"

    def build(target: Path) -> None:
        ensure_bootable(machine)
        # The kernel unpacks one archive after the other.
        target.write_bytes(machine.boot.archive.read_bytes() + more)

    what = f"guest archive with a shell for {machine.name}"
    boot = replace(
        machine.boot,
        archive=cache.obtain(path, what, build, needs=builds.NEEDS, look=checksum.glance),
        kernel_arguments=(*machine.boot.kernel_arguments, *kernel_arguments),
        arguments=(*machine.boot.arguments, *qemu_arguments),
    )
    return replace(machine, boot=boot)
