# SPDX-License-Identifier: GPL-2.0-only
"""s390x on QEMU's CCW machine."""

from lazymmu.architecture import Architecture

NAME = "s390x"
ARCHITECTURE = Architecture(
    name=NAME,
    default=True,
    personality="s390x",
    debian="s390x",
    flavours={"lts": "s390x", "current": "s390x", "next": "s390x"},
    kbuild="s390",
    compiler_prefix="s390x-linux-gnu-",
    packages=("gcc-s390x-linux-gnu", "qemu-system-s390x"),
    host_machine="s390x",
    qemu="qemu-system-s390x",
    machine=("-M", "s390-ccw-virtio"),
    cpu="max",
    memory=192,
    boot_image="vmlinuz",
    console_device="ttysclp0",
    console_arguments=("-device", "sclpconsole,chardev=console"),
    # The addresses of a hang are those of the symbols.
    kernel_arguments=("nokaslr",),
    channel="virtio-serial-ccw,max_ports=2",
    network="virtio-net-ccw",
    program_counter="addr ([0-9a-f]+)",
    idle=("psw_idle", "psw_idle_exit", "enabled_wait", "arch_cpu_idle", "default_idle_call"),
    # The kernel returns from interrupts through code that it puts there (Linux: arch/s390/include/asm/lowcore.h).
    areas={"lowcore": 0},
)
