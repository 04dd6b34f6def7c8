# SPDX-License-Identifier: GPL-2.0-only
"""riscv64 on QEMU's "virt" board. Linux has no lazy MMU mode there: its guests run the module's implementations."""

from lazymmu.architecture import Architecture

NAME = "riscv64"
ARCHITECTURE = Architecture(
    name=NAME,
    personality="arm64",
    debian="riscv64",
    flavours={"lts": "riscv64", "current": "riscv64", "next": "riscv64"},
    kbuild="riscv",
    compiler_prefix="riscv64-linux-gnu-",
    packages=("gcc-riscv64-linux-gnu", "qemu-system-riscv"),
    host_machine="riscv64",
    qemu="qemu-system-riscv64",
    machine=("-M", "virt,acpi=off"),
    cpu="rv64",
    memory=192,
    boot_image="vmlinuz",
    console_device="ttyS0",
    console_arguments=("-serial", "chardev:console"),
    # The addresses of a hang are those of the symbols.
    kernel_arguments=("nokaslr",),
    channel="virtio-serial-pci,max_ports=2",
    network="virtio-net-pci,romfile=",
    program_counter="pc +([0-9a-f]+)",
    idle=("arch_cpu_idle", "default_idle_call"),
)
