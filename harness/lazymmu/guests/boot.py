# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's command line for a guest, and the commands that its monitor gets at startup."""

import json
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from lazymmu.architecture import Architecture
from lazymmu.provision.sandbox import Sandbox

#: Name of the virtio-serial port; the agent looks for it (guest/agent).
PORT_NAME = "lazymmu"

_KERNEL_ARGUMENTS = (
    # A panic restarts at once, which makes QEMU exit because of -no-reboot. An oops is a panic.
    *("panic=-1", "oops=panic"),
    # The report is printed at level 6. The slow console must not print it.
    "loglevel=6",
    # The module prints 1,000 lines of at most 1 KB before the agent reads them.
    "log_buf_len=2M",
    # Keeps the kernel's own work off CPU 1: under emulation, to wake it costs more than most programs.
    "isolcpus=1",
    "rcupdate.rcu_expedited=1",
    # The agent announces each program in the kernel's log.
    "printk.devkmsg=on",
    # These skip self-tests, certificates, an entropy source and clearing of pages, together a third of a boot.
    "cryptomgr.notests",
    "initcall_blacklist=jent_mod_init,load_system_certificate_list,init_encrypted",
    "init_on_alloc=0",
)
_MEGABYTE = 1 << 20
#: The capability of QEMU's migration that leaves out memory in a shared file.
SHARED_MEMORY_NOT_SAVED = {"capability": "x-ignore-shared", "state": True}
#: The one that sends an event for each change of a migration's state.
EVENTS = {"capability": "events", "state": True}


class Accelerator(Struct, frozen=True):
    """What runs the guest's instructions, and why it was chosen."""

    #: "kvm" or "tcg".
    name: str
    reason: str


class Memory(Struct, frozen=True):
    """The file that holds a guest's memory: a new one, to be saved as a snapshot, or a snapshot, which is only read."""

    #: Below the tool root.
    file: Path
    #: The snapshot from which the guest's devices are restored; None boots the guest.
    state: Path | None = None
    #: Whether QEMU says when the guest is restored: one that was saved while it was stopped does not run then.
    announces: bool = False

    def arguments(self, size: int, sandbox: Sandbox) -> list[str]:
        """Return QEMU's arguments for so many bytes."""
        # A private mapping: guests share the pages of a snapshot that they do not change.
        access = "share=off,readonly=on,rom=off" if self.file == self.state else "share=on"
        backend = f"memory-backend-file,id=ram,size={size},mem-path={sandbox.inside(self.file)},{access}"
        return [
            *("-object", backend, "-machine", "memory-backend=ram"),
            *(["-incoming", "defer"] if self.state else []),
        ]


class Boot(Struct, frozen=True):
    """Everything that a guest is started from."""

    architecture: Architecture
    sandbox: Sandbox
    #: Boot image and initramfs, below the tool root.
    kernel: Path
    archive: Path
    accelerator: Accelerator
    #: Arguments for the kernel, after the project's own.
    kernel_arguments: tuple[str, ...] = ()
    #: Arguments for QEMU, after the project's own.
    arguments: tuple[str, ...] = ()
    #: The machine's name; the architecture's if empty.
    label: str = ""

    @property
    def name(self) -> str:
        """The machine's name in messages."""
        return self.label or self.architecture.name

    @property
    def memory_size(self) -> int:
        """Bytes of the guest's memory."""
        return self.architecture.memory * _MEGABYTE

    def command(self, fds: Mapping[str, int], memory: Memory | None = None) -> list[str]:
        """Return QEMU's command line.

        `fds` holds QEMU's sockets as file descriptors: console, channel and monitor.
        """
        architecture = self.architecture
        console = f"console={architecture.console_device}"
        append = " ".join([console, *_KERNEL_ARGUMENTS, *architecture.kernel_arguments, *self.kernel_arguments])
        program, modules = self.sandbox.inside(self.kernel), self.sandbox.inside(self.archive)
        if architecture.hypervisor:
            # QEMU loads the files of -initrd for it, each with its own arguments, in which two commas mean one.
            modules = f"{program} {append.replace(',', ',,')},{modules}"
            program = self.sandbox.inside(self.sandbox.root / architecture.hypervisor)
            append = " ".join(architecture.hypervisor_arguments)
        # A restored guest has them in its memory, and QEMU would take long to load them.
        kernel = ["-kernel", program, "-initrd", modules, "-append", append]
        # A guest that boots to be saved runs both processors in one thread, which is not slower. With two threads,
        # QEMU 10 failed in two of some thousand boots of x86_64: once it aborted, once the guest slept for ever.
        threads = "single" if memory and not memory.state else "multi"
        accelerator, cpu = f"tcg,thread={threads}", architecture.cpu
        if self.accelerator.name == "kvm":
            accelerator, cpu = "kvm", "host"
        return [
            architecture.qemu,
            *architecture.machine,
            *("-accel", accelerator, "-cpu", cpu, "-m", str(architecture.memory), "-smp", "2"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *([] if memory and memory.state else kernel),
            *(word for name, fd in fds.items() for word in ("-chardev", f"socket,id={name},fd={fd}")),
            *architecture.console_arguments,
            *("-device", architecture.channel),
            *("-device", f"virtserialport,chardev=channel,name={PORT_NAME}"),
            *(("-mon", "chardev=monitor,mode=control") if "monitor" in fds else ()),
            *(memory.arguments(self.memory_size, self.sandbox) if memory else []),
            *self.arguments,
        ]

    def startup_commands(self, memory: Memory | None = None) -> bytes:
        """Return the lines that QEMU's monitor gets at startup: to open it, and to restore the guest.

        If a snapshot does not load, QEMU exits and writes the reason to its standard error.
        """
        commands: list[Mapping[str, object]] = [{"execute": "qmp_capabilities"}]
        if memory and memory.state:
            source = f"file:{self.sandbox.inside(memory.state)},offset={self.memory_size}"
            capabilities = [SHARED_MEMORY_NOT_SAVED, *([EVENTS] if memory.announces else [])]
            commands += [
                {"execute": "migrate-set-capabilities", "arguments": {"capabilities": capabilities}},
                {"execute": "migrate-incoming", "arguments": {"uri": source}},
            ]
        return "".join(f"{json.dumps(command)}\n" for command in commands).encode()
