# SPDX-License-Identifier: GPL-2.0-only
"""What SSH needs in a guest: kernel modules in the order of loading, and an archive that is fetched once."""

import lzma
import struct
from pathlib import Path

import pytest
import zstandard
from lazymmu.provision import ssh_image
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.lock import Part
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError


def module(depends: str) -> bytes:
    """Return a minimal ELF file: its section .modinfo names what the module depends on."""
    info = b"license=GPL\0depends=" + depends.encode() + b"\0"
    names = b"\0.modinfo\0.shstrtab\0"
    begin = 64
    sections = b"".join(
        struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, offset, size, 0, 0, 1, 0)
        for name, kind, offset, size in (
            (0, 0, 0, 0),
            (1, 1, begin, len(info)),
            (10, 3, begin + len(info), len(names)),
        )
    )
    table = begin + len(info) + len(names)
    head = (
        b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    )
    return head + info + names + sections


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An unpacked package with a driver that needs two others, in all forms that packages have."""
    modules = tmp_path / "lib" / "modules" / "6.1" / "kernel"
    modules.mkdir(parents=True)
    (modules / "card-net.ko.xz").write_bytes(lzma.compress(module("spare,core_net,always")))
    (modules / "spare.ko").write_bytes(module("core-net"))
    (modules / "core_net.ko.zst").write_bytes(zstandard.ZstdCompressor().compress(module("")))
    (modules / "other.ko").write_bytes(module(""))
    (modules.parent / "modules.builtin").write_text("kernel/lib/always.ko\n")
    return tmp_path


def test_what_a_module_depends_on_comes_before_it_and_nothing_else_does(tree: Path) -> None:
    found = ssh_image.kernel_modules(tree, "card_net")
    assert list(found) == ["core_net", "spare", "card_net"]
    assert found["core_net"] == module("")
    assert ssh_image.kernel_modules(tree, "always") == {}


def test_a_module_that_is_missing_or_cannot_be_unpacked_is_named(tree: Path) -> None:
    next(tree.rglob("core_net.ko.zst")).unlink()
    with pytest.raises(SetupError, match="no module core_net, which card_net needs"):
        ssh_image.kernel_modules(tree, "card_net")
    next(tree.rglob("card-net.ko.xz")).write_bytes(b"no xz")
    with pytest.raises(SetupError, match=r"card-net\.ko\.xz in the kernel's package cannot be unpacked"):
        ssh_image.kernel_modules(tree, "card_net")


def test_an_archive_that_is_in_the_cache_is_not_fetched(tmp_path: Path) -> None:
    cache, root = Cache(tmp_path, Progress()), tmp_path / "roots" / "root"
    image, release = root / "lazymmu" / "kernels" / "image", Part("", "", (), (), "6.12.1-arm64")
    kernels = {"arm64": InstalledKernel("lts", release, image, "/headers")}
    with pytest.raises(SetupError, match=r"for guests \(arm64\) is not in the cache, and --offline forbids") as raised:
        ssh_image.obtain(cache, kernels, offline=True)
    assert (raised.value.hint or "").startswith("lazymmu setup --transport ssh")
    path = ssh_image.parts_path(root, "arm64", kernels["arm64"])
    cache.obtain(path, "server", Path.touch)
    assert ssh_image.obtain(cache, kernels, offline=True) == {"arm64": path}
