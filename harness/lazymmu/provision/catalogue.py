# SPDX-License-Identifier: GPL-2.0-only
"""The data files of the folder `images`, as frozen types: a new architecture or kernel is an entry there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from msgspec import Struct

from lazymmu.subject.vocabulary import PERSONALITIES
from lazymmu.support.errors import UsageError
from lazymmu.support.project import IMAGES


class Architecture(Struct, frozen=True):
    """One emulated machine; every field is a key of `images/NAME.yaml`."""

    name: str
    #: The personality that a scenario gets on this guest.
    personality: str
    #: Debian's name of the architecture, and kbuild's (ARCH=).
    debian: str
    kbuild: str
    #: Prefix of its compiler in the tool root (CROSS_COMPILE=).
    compiler_prefix: str
    #: `uname -m` of the hosts on which KVM can run it.
    host_machine: str
    #: QEMU program, its machine arguments, and the CPU model under emulation.
    qemu: str
    machine: tuple[str, ...]
    cpu: str
    #: The kernel's name of the console, and QEMU's arguments for it (its chardev is called "console").
    console_device: str
    console_arguments: tuple[str, ...]
    #: What its kernel's command line gets beside what every kernel gets.
    kernel_arguments: tuple[str, ...]
    #: Finds the program counter (group 1, hexadecimal) in what QEMU's monitor prints for `info registers`.
    program_counter: str
    #: Functions of the kernel in which an idle processor stands.
    idle: tuple[str, ...]
    #: QEMU device that carries virtio-serial ports.
    channel: str
    #: QEMU device that is a network card, for guests that have one.
    network: str
    #: Guest memory in MB.
    memory: int
    #: Form of the boot image: "vmlinuz" as packaged, or "vmlinux", the ELF file inside a zstd-compressed bzImage.
    boot_image: str
    #: What lies in memory and in no table of symbols -> its address.
    areas: Mapping[str, int] = {}


class Kernel(Struct, frozen=True):
    """One entry of `images/kernels.yaml`."""

    name: str
    title: str
    #: Debian suite whose main section has it.
    suite: str
    #: Architecture -> flavour, as in linux-image-FLAVOUR.
    flavours: Mapping[str, str]
    #: Guests on which it has the nested API itself.
    native: tuple[str, ...] = ()


class ToolRootRecipe(Struct, frozen=True):
    """The file `images/toolroot.yaml`."""

    suite: str
    hosts: Mapping[str, str]
    packages: tuple[str, ...]


class ShellRecipe(Struct, frozen=True):
    """The file `images/shell.yaml`."""

    suite: str
    package: str
    #: Path of the program in the package.
    program: str


class SshRecipe(Struct, frozen=True):
    """The file `images/ssh.yaml`."""

    suite: str
    package: str
    #: Path of the server in the package, and in the guest.
    program: str
    #: The kernel module that drives the network card.
    driver: str


# The C parser where there is one: the files are read at each start.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(name: str) -> Any:
    return yaml.load((IMAGES / name).read_text(encoding="utf-8"), _LOADER)  # noqa: S506  (it is a safe one)


@cache
def architectures() -> Mapping[str, Architecture]:
    """Return the emulated machines by name, sorted: one for each file named after a personality."""
    found = {}
    for name in sorted(PERSONALITIES):
        data = _read(f"{name}.yaml")
        console = data.pop("console")
        found[name] = Architecture(
            name=name,
            machine=tuple(data.pop("machine")),
            kernel_arguments=tuple(data.pop("kernel_arguments")),
            idle=tuple(data.pop("idle")),
            console_device=console["device"],
            console_arguments=tuple(console["arguments"]),
            **data,
        )
    return found


@cache
def kernels() -> Mapping[str, Kernel]:
    """Return the kernels by name, in the order of the file."""
    return {
        name: Kernel(name=name, native=tuple(data.pop("native", ())), **data)
        for name, data in _read("kernels.yaml").items()
    }


def kernel(name: str) -> Kernel:
    """Return the kernel of that name; a UsageError lists what there is."""
    if name not in kernels():
        raise UsageError(f"unknown kernel `{name}`", hint=f"kernels: {', '.join(kernels())}")
    return kernels()[name]


@cache
def tool_root_recipe() -> ToolRootRecipe:
    """Return what the tool root is made of."""
    data = _read("toolroot.yaml")
    return ToolRootRecipe(suite=data["suite"], hosts=data["hosts"], packages=tuple(data["packages"]))


def shell_recipe() -> ShellRecipe:
    """Return what a guest's shell is."""
    return ShellRecipe(**_read("shell.yaml"))


def ssh_recipe() -> SshRecipe:
    """Return what a guest that is reached over SSH has beside its agent."""
    return SshRecipe(**_read("ssh.yaml"))
