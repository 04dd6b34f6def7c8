# SPDX-License-Identifier: GPL-2.0-only
"""x86_64 on QEMU's q35 board."""

from lazymmu.architecture import Architecture

NAME = "x86_64"
ARCHITECTURE = Architecture(
    name=NAME,
    default=True,
    personality="x86_64",
    debian="amd64",
    flavours={"lts": "cloud-amd64", "current": "cloud-amd64", "next": "cloud-amd64"},
    native=("current", "next"),
    kbuild="x86",
    compiler_prefix="x86_64-linux-gnu-",
    packages=("gcc-x86-64-linux-gnu", "qemu-system-x86", "seabios"),
    host_machine="x86_64",
    qemu="qemu-system-x86_64",
    machine=("-M", "q35"),
    cpu="max",
    memory=176,
    # QEMU starts the ELF file by its PVH note. Unpacking the bzImage would take the guest longer than booting it.
    boot_image="vmlinux",
    console_device="ttyS0",
    console_arguments=("-serial", "chardev:console"),
    # No nokaslr: only the unpacking code moves the kernel, and that code is left out.
    channel="virtio-serial-pci,max_ports=2",
    network="virtio-net-pci,romfile=",
    program_counter="RIP=([0-9a-f]+)",
    idle=("default_idle", "pv_native_safe_halt", "native_safe_halt", "default_idle_call", "acpi_safe_halt"),
)
