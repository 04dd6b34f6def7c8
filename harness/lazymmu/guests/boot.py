# SPDX-License-Identifier: GPL-2.0-only
"""What a guest is started from, and QEMU's command line for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from lazymmu.architecture import Architecture
from lazymmu.guests import user_network
from lazymmu.provision.sandbox import Sandbox

#: Name of the virtio-serial port; the agent looks for it (guest/agent).
PORT_NAME = "lazymmu"

_KERNEL_ARGUMENTS = (
    # A panic restarts at once, which -no-reboot makes QEMU's exit; an oops is a panic.
    *("panic=-1", "oops=panic"),
    # The report is printed at level 6, which must not go through the slow console.
    "loglevel=6",
    # The module prints 1,000 lines of at most 1 KB before the agent reads them.
    "log_buf_len=2M",
    # Nothing that the kernel can choose runs on CPU 1: under emulation to wake it costs more than most programs.
    "isolcpus=1",
    "rcupdate.rcu_expedited=1",
    # The agent tells of each program before it runs.
    "printk.devkmsg=on",
    # Self-tests, certificates, an entropy source and clearing of pages that no guest of ours needs: a third of a boot.
    "cryptomgr.notests",
    "initcall_blacklist=jent_mod_init,load_system_certificate_list,init_encrypted",
    "init_on_alloc=0",
)
_MEGABYTE = 1 << 20
#: What a monitor must be told first.
CAPABILITIES: Mapping[str, object] = {"execute": "qmp_capabilities"}
#: The capability of QEMU's migration by which the memory's file is no part of what is saved.
MEMORY_STAYS = {"capability": "x-ignore-shared", "state": True}


class Accelerator(Struct, frozen=True):
    """What runs the guest's instructions, and why it is that one."""

    #: "kvm" or "tcg".
    name: str
    reason: str

    def arguments(self, architecture: Architecture, *, threads: str) -> list[str]:
        """Return QEMU's arguments for it; `threads` is whether an emulated guest's processors share one or have two."""
        if self.name == "kvm":
            return ["-accel", "kvm", "-cpu", "host"]
        return ["-accel", f"tcg,thread={threads}", "-cpu", architecture.cpu]


class Memory(Struct, frozen=True):
    """A file behind a guest's memory, to become a snapshot; or a snapshot, which is read and never written."""

    #: Below the tool root.
    file: Path
    #: The snapshot behind whose memory stands the state of the devices that the guest goes on with; None for a boot.
    state: Path | None = None

    def arguments(self, size: int, sandbox: Sandbox) -> list[str]:
        """Return QEMU's arguments for so many bytes."""
        # Private pages of a file that is not written: guests that are restored from it share what they do not change.
        access = "share=off,readonly=on,rom=off" if self.file == self.state else "share=on"
        backend = f"memory-backend-file,id=ram,size={size},mem-path={sandbox.inside(self.file)},{access}"
        return [
            *("-object", backend, "-machine", "memory-backend=ram"),
            *(["-incoming", "defer"] if self.state else []),
        ]

    def orders(self, size: int, sandbox: Sandbox) -> list[Mapping[str, object]]:
        """Return what QEMU's monitor is told at the start; nothing for a boot.

        A snapshot that does not load ends QEMU, which says why on its standard error.
        """
        if self.state is None:
            return []
        source = f"file:{sandbox.inside(self.state)},offset={size}"
        return [
            CAPABILITIES,
            {"execute": "migrate-set-capabilities", "arguments": {"capabilities": [MEMORY_STAYS]}},
            {"execute": "migrate-incoming", "arguments": {"uri": source}},
        ]


class Boot(Struct, frozen=True):
    """Everything a guest is started from."""

    architecture: Architecture
    sandbox: Sandbox
    #: Boot image and initramfs, below the tool root.
    kernel: Path
    archive: Path
    accelerator: Accelerator
    #: What the kernel's command line gets beside our own.
    kernel_arguments: tuple[str, ...] = ()
    #: What QEMU's command line gets beside our own.
    arguments: tuple[str, ...] = ()
    #: The guest's name for a person; the architecture's when empty.
    label: str = ""

    @property
    def name(self) -> str:
        """The guest's name for a person."""
        return self.label or self.architecture.name

    @property
    def memory_size(self) -> int:
        """Bytes of the guest's memory."""
        return self.architecture.memory * _MEGABYTE

    def command(self, fds: Mapping[str, int], memory: Memory | None = None) -> list[str]:
        """Return QEMU's command line.

        `fds` gives the file descriptors of its ends of the lines: console, channel, monitor, and orders for another
        monitor.
        """
        architecture = self.architecture
        append = " ".join(
            [
                f"console={architecture.console_device}",
                *_KERNEL_ARGUMENTS,
                *architecture.kernel_arguments,
                *self.kernel_arguments,
            ]
        )
        # A restored guest has them in its memory, and to load them takes QEMU as long as all the rest of its start.
        kernel = [
            *("-kernel", self.sandbox.inside(self.kernel), "-initrd", self.sandbox.inside(self.archive)),
            *("-append", append),
        ]
        # One that is only to be saved boots with one thread for both processors. It is no slower, and two have got into
        # each other's way there, twice in some thousand boots of x86_64: QEMU 10 aborted, a guest slept for ever.
        threads = "single" if memory and not memory.state else "multi"
        monitors = [name for name in ("monitor", "orders") if name in fds]
        return [
            architecture.qemu,
            *architecture.machine,
            *self.accelerator.arguments(architecture, threads=threads),
            *("-m", str(architecture.memory), "-smp", "2"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *([] if memory and memory.state else kernel),
            *(word for name, fd in fds.items() for word in ("-chardev", f"socket,id={name},fd={fd}")),
            *architecture.console_arguments,
            *("-device", architecture.channel),
            *("-device", f"virtserialport,chardev=channel,name={PORT_NAME}"),
            *(word for name in monitors for word in ("-mon", f"chardev={name},mode=control")),
            *(memory.arguments(self.memory_size, self.sandbox) if memory else []),
            *self.arguments,
        ]

    def orders(self, memory: Memory | None = None) -> bytes:
        """Return what QEMU's monitor is told at the start, without waiting for its answers; nothing for most boots."""
        orders = memory.orders(self.memory_size, self.sandbox) if memory else []
        if user_network.forwards(self.arguments):
            orders = [*(orders or [CAPABILITIES]), user_network.QUESTION]
        return "".join(f"{json.dumps(order)}\n" for order in orders).encode()
