# SPDX-License-Identifier: GPL-2.0-only
"""What is known about kernels without apt, which of apt's failures are refusals, and damaged boot images."""

import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from lazymmu.provision import checksum, kernels, own_kernels, tool_root
from lazymmu.provision.apt import NotThereError, refusal
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import kernel
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.lock import Part
from lazymmu.provision.progress import Progress
from lazymmu.provision.subprocesses import ToolError
from lazymmu.support.errors import SetupError

from tests.trees import built, source


def test_the_headers_of_a_cached_kernel_say_whether_it_has_the_api(tmp_path: Path) -> None:
    cache, current = Cache(tmp_path, Progress()), kernel("current")
    for arch, config in (("arm64", "CONFIG_MMU=y\n"), ("x86_64", "CONFIG_ARCH_HAS_LAZY_MMU_MODE=y\n")):
        part, tools = kernels.locked(cache, current, arch), tool_root.part(cache, arch)
        assert part and tools
        installed = kernels.installed_kernel(tool_root.path_of(cache, tools), current, arch, part)
        installed.image.parent.mkdir(parents=True)
        installed.image.touch()
        auto = installed.root / installed.headers.lstrip("/") / "include/config/auto.conf"
        auto.parent.mkdir(parents=True)
        auto.write_text(config)
    found = {entry.arch: (entry.native, entry.native_from, entry.cached) for entry in kernels.entries(cache, current)}
    assert found["arm64"] == (False, "headers", True)
    assert found["x86_64"] == (True, "headers", True)
    assert found["s390x"] == (False, "catalogue", False)


def test_only_what_apt_says_about_the_archive_is_a_refusal() -> None:
    assert refusal(SetupError("apt is not installed")) is None
    assert refusal(NotThereError("no package x")) == "no package x"
    for output in (
        "Killed\n",
        "E: Could not resolve 'x'\n",
        "Could not connect to h\n",
        "E: Failed  503  x\n",
        "E: No space left on device\n",
    ):
        assert refusal(ToolError("x", output=output)) is None
    many = "E: Some index files failed to download.\nE: Failed to fetch http://h/a/b/c.xz  Hash Sum  mismatch\nE: 2\n"
    assert refusal(ToolError("x", output=many)) == "Failed to fetch h: c.xz Hash Sum mismatch"


def test_a_damaged_boot_image_is_named_with_the_command_that_repairs_it(tmp_path: Path) -> None:
    image, data = tmp_path / "6.12.1-s390x_6.12.1-1.vmlinuz", bytes(range(256)) * 64
    installed = InstalledKernel("lts", Part("", "", (), (), "6.12.1-s390x"), image, "/headers")
    image.write_bytes(data)
    checksum.write(image, checksum.beside(image))
    kernels.verify(installed)
    hole, flipped = data[:4096] + bytes(4096) + data[8192:], data[:5000] + b"x" + data[5001:]
    for damage in (flipped, hole, data[:-1], b""):
        image.write_bytes(damage)
        with pytest.raises(SetupError, match=f"the boot image {image} is damaged: ") as caught:
            kernels.verify(installed)
        assert caught.value.hint == f"rm {image} && lazymmu setup"


def test_the_elf_file_of_ones_own_kernel_loses_what_is_not_loaded(tmp_path: Path) -> None:
    tree = source(tmp_path / "linux", arches=("x86",))
    output = built(tmp_path / "out", tree, "x86_64")
    # An ELF header, two segments, what they hold, and 1 MB of sections.
    segments = [(1, 0x100, 0x200), (4, 0x300, 0x80)]
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, 0, 0x40, 0x9000, 0, 64, 56, 2, 64, 7, 6)
    table = b"".join(struct.pack("<IIQQQQQQ", kind, 0, at, 0, 0, size, size, 0) for kind, at, size in segments)
    loaded = (header + table).ljust(0x380, b"c")
    (output / "vmlinux").write_bytes(loaded.ljust(1_000_000, b"d"))
    own = own_kernels.of_path(str(output))["x86_64"]
    image = kernels.install_own(Cache(tmp_path / "cache", Progress()), tmp_path / "cache/roots/r", "./out", own).image
    elf = ELFFile(image.open("rb"))
    assert image.stat().st_size == len(loaded) and elf.num_sections() == 0
    assert [(one["p_offset"], one["p_filesz"]) for one in elf.iter_segments()] == [
        (at, size) for _, at, size in segments
    ]
    assert image.read_bytes()[0x40:] == loaded[0x40:]
