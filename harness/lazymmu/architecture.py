# SPDX-License-Identifier: GPL-2.0-only
"""The architectures of guests: what the harness knows of each, as one record.

Each file in `architectures/` defines NAME and ARCHITECTURE. No other file lists the architectures. Only the standard
library is used here (see provision/lock.py).
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple, Protocol

from lazymmu.support.catalogue import Catalogue

#: The word for every architecture where a user names some.
ALL = "all"


class Architecture(NamedTuple):
    """One kind of guest. The fields are given by their names."""

    #: Name on the command line, in scenarios and in results.
    name: str
    #: Personality of its guests, unless a scenario names another.
    personality: str

    # -- What is built for it
    #: Debian's name of the architecture.
    debian: str
    #: Kernel's name in our catalogue -> Debian's flavour of it, as in linux-image-FLAVOUR. The cloud flavours are
    #: smaller and boot faster.
    flavours: Mapping[str, str]
    #: kbuild's name of the architecture (ARCH=).
    kbuild: str
    #: Prefix of its compiler in the tool root (CROSS_COMPILE=).
    compiler_prefix: str
    #: Debian packages for its tool root: compiler, emulator, firmware. The C library's depends on the host.
    packages: tuple[str, ...]

    # -- How its guests run
    #: `uname -m` of hosts on which KVM can run them.
    host_machine: str
    #: QEMU's program in the tool root.
    qemu: str
    #: QEMU's arguments for the board.
    machine: tuple[str, ...]
    #: CPU model under emulation.
    cpu: str
    #: Guest memory in MB.
    memory: int
    #: Form of the boot image: "vmlinuz" as packaged, or "vmlinux", the ELF file inside a zstd-compressed bzImage.
    boot_image: str
    #: The kernel's name of the console.
    console_device: str
    #: QEMU's arguments for the console; the name of its chardev is "console".
    console_arguments: tuple[str, ...]
    #: QEMU device that carries virtio-serial ports. Port 0 is reserved for a console, so one port needs max_ports=2;
    #: the default of 31 would add 1 MB of rings to each snapshot.
    channel: str
    #: QEMU device that is a network card, for guests that have one.
    network: str

    # -- Where its processors are when a guest hangs
    #: Finds the program counter (group 1, hexadecimal) in the output of `info registers` of QEMU's monitor.
    program_counter: str
    #: Functions of the kernel in which an idle processor waits.
    idle: tuple[str, ...]

    # -- What not every architecture has
    #: Whether commands use it without being asked.
    default: bool = False
    #: Kernels, by their names in our catalogue, that have the nested API on this architecture.
    native: tuple[str, ...] = ()
    #: Added to the kernel's command line of every guest.
    kernel_arguments: tuple[str, ...] = ()
    #: Name -> address of places in memory that no table of symbols names.
    areas: Mapping[str, int] = {}


class _Entry(Protocol):
    NAME: str
    ARCHITECTURE: Architecture


# Those of the default run first.
_CATALOGUE: Catalogue[_Entry] = Catalogue(
    "lazymmu.architectures",
    "architecture",
    {"ARCHITECTURE": Architecture},
    order=lambda entry: (not entry.ARCHITECTURE.default, entry.NAME),
)


class _Architectures(dict[str, Architecture]):
    def __missing__(self, name: str) -> Architecture:
        """Raise SetupError for a name whose file is broken, KeyError for an unknown one."""
        return _CATALOGUE[name].ARCHITECTURE


@cache
def architectures() -> Mapping[str, Architecture]:
    """Return the architectures by name, those of the default run first. Files that are broken are left out."""
    return _Architectures({name: entry.ARCHITECTURE for name, entry in _CATALOGUE.items()})


def architecture(name: str) -> Architecture:
    """Return one architecture. Raises UsageError for an unknown name, SetupError if its file is broken."""
    return _CATALOGUE.pick(name).ARCHITECTURE


def default_names() -> tuple[str, ...]:
    """Return the names of the architectures of the default run."""
    return tuple(name for name, one in architectures().items() if one.default)


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """Return the architectures that a user named, in the catalogue's order; those of the default run for no name.

    Raises as `architecture` does.
    """
    named = set(names)
    for name in named - {ALL}:
        architecture(name)
    if not named:
        return default_names()
    return tuple(_CATALOGUE.every()) if ALL in named else tuple(name for name in architectures() if name in named)
