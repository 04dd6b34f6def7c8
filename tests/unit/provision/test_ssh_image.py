# SPDX-License-Identifier: GPL-2.0-only
"""What SSH needs in a guest: kernel modules in the order of loading, and an archive that is fetched once."""

import lzma
from pathlib import Path

import pytest
import zstandard
from lazymmu.provision import ssh_image
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.lock import Part
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An unpacked package with modules in all forms that packages have."""
    modules = tmp_path / "lib" / "modules" / "6.1" / "kernel"
    modules.mkdir(parents=True)
    (modules / "virtio_net.ko.xz").write_bytes(lzma.compress(b"card"))
    (modules / "net_failover.ko").write_bytes(b"middle")
    (modules / "failover.ko.zst").write_bytes(zstandard.ZstdCompressor().compress(b"core"))
    return tmp_path


def test_modules_come_in_the_order_of_loading_without_those_that_are_built_in(tree: Path) -> None:
    assert list(ssh_image.drivers(tree)) == [b"core", b"middle", b"card"]
    next(tree.rglob("net_failover.ko")).unlink()
    (tree / "modules.builtin").write_text("kernel/net/net_failover.ko\n")
    assert list(ssh_image.drivers(tree)) == [b"core", b"card"]


def test_a_module_that_is_missing_or_cannot_be_unpacked_is_named(tree: Path) -> None:
    next(tree.rglob("virtio_net.ko.xz")).write_bytes(b"no xz")
    with pytest.raises(SetupError, match=r"virtio_net\.ko\.xz in the kernel's package cannot be unpacked"):
        list(ssh_image.drivers(tree))
    next(tree.rglob("failover.ko.zst")).unlink()
    with pytest.raises(SetupError, match="no module failover, which the network card needs"):
        list(ssh_image.drivers(tree))


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
