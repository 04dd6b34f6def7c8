# SPDX-License-Identifier: GPL-2.0-only
"""Guests that differ in anything have different snapshots, so no guest is restored from a wrong one."""

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from lazymmu.architecture import architectures
from lazymmu.guests import accelerator, snapshot
from lazymmu.guests.boot import Boot, Memory
from lazymmu.provision import checksum
from lazymmu.provision.sandbox import Sandbox
from msgspec.structs import replace


@pytest.fixture
def boot(tmp_path: Path) -> Boot:
    machine = architectures()["s390x"]
    for name in ("usr/bin/" + machine.qemu, "kernel", "archive"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    checksum.write(tmp_path / "kernel", checksum.beside(tmp_path / "kernel"))
    tcg = accelerator.tcg("no other")
    return Boot(machine, Sandbox("bwrap", tmp_path), tmp_path / "kernel", tmp_path / "archive", tcg)


def _newer_qemu(boot: Boot) -> Boot:
    os.utime(boot.sandbox.root / "usr/bin" / boot.architecture.qemu, ns=(1, 1))
    return boot


def _another_kernel(boot: Boot) -> Boot:
    boot.kernel.write_text("another")
    checksum.write(boot.kernel, checksum.beside(boot.kernel))
    return boot


@pytest.mark.parametrize(
    "change",
    [
        _newer_qemu,
        _another_kernel,
        lambda boot: replace(boot, archive=boot.archive.with_name("other")),
        lambda boot: replace(boot, architecture=boot.architecture._replace(memory=256)),
        lambda boot: replace(boot, architecture=boot.architecture._replace(cpu="qemu")),
        lambda boot: replace(boot, architecture=boot.architecture._replace(machine=("-M", "other"))),
        lambda boot: replace(boot, kernel_arguments=("quiet",)),
        lambda boot: replace(boot, arguments=("-s",)),
    ],
)
def test_another_boot_has_another_snapshot(boot: Boot, change: Callable[[Boot], Boot]) -> None:
    before = snapshot.path(boot)
    assert snapshot.path(boot) == before
    assert snapshot.path(change(boot)) != before


def test_another_module_parameter_or_file_has_another_snapshot(boot: Boot) -> None:
    paths = [
        snapshot.path(boot),
        snapshot.path(boot, b"module"),
        snapshot.path(boot, b"another"),
        snapshot.path(boot, b"module", "mutant=X"),
        snapshot.path(boot, b"module", "", ["/lib/x 644 1"]),
    ]
    assert len(set(paths)) == len(paths)


def test_both_processors_share_a_thread_only_if_the_guest_boots_to_be_saved(boot: Boot) -> None:
    file = boot.sandbox.root / "memory"
    for memory, threads in ((Memory(file), "single"), (Memory(file, file), "multi"), (None, "multi")):
        assert f"tcg,thread={threads}" in boot.command({}, memory)


def test_a_hypervisor_gets_kernel_and_archive_as_its_modules(boot: Boot) -> None:
    changed = boot.architecture._replace(hypervisor="boot/xen", hypervisor_arguments=("console=com1", "dom0_mem=288M"))
    words = replace(boot, architecture=changed, kernel_arguments=("isolcpus=0,1",)).command({})
    values = dict(pairwise(words))
    assert (values["-kernel"], values["-append"]) == ("/boot/xen", "console=com1 dom0_mem=288M")
    kernel, archive = values["-initrd"].replace(",,", ";").split(",")
    assert kernel.startswith("/kernel console=ttysclp0 ")
    assert kernel.endswith(" isolcpus=0;1")
    assert archive == "/archive"
