# SPDX-License-Identifier: GPL-2.0-only
"""arm64 on QEMU's "virt" board."""

from lazymmu.architecture import Architecture

NAME = "arm64"
ARCHITECTURE = Architecture(
    name=NAME,
    default=True,
    personality="arm64",
    debian="arm64",
    flavours={"lts": "cloud-arm64", "current": "cloud-arm64", "next": "cloud-arm64"},
    native=("current", "next"),
    kbuild="arm64",
    compiler_prefix="aarch64-linux-gnu-",
    packages=("gcc-aarch64-linux-gnu", "qemu-system-arm"),
    host_machine="aarch64",
    qemu="qemu-system-aarch64",
    # Linux uses the device tree anyway, and QEMU needs as long to write ACPI tables as to start.
    machine=("-M", "virt,gic-version=3,acpi=off"),
    # "max" boots half as fast: it emulates pointer authentication in every function.
    cpu="neoverse-n1",
    memory=192,
    boot_image="vmlinuz",
    console_device="ttyAMA0",
    console_arguments=("-serial", "chardev:console"),
    # nokaslr: the addresses of a hang are those of the symbols. cma=0: without it the kernel reserves a third of the
    # memory for devices that are not there.
    kernel_arguments=("nokaslr", "cma=0"),
    channel="virtio-serial-pci,max_ports=2",
    network="virtio-net-pci,romfile=",
    program_counter="PC=([0-9a-f]+)",
    idle=("cpu_do_idle", "default_idle_call", "arch_cpu_idle"),
)
