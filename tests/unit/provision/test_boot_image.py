# SPDX-License-Identifier: GPL-2.0-only
"""A boot image is used only as it was unpacked; one of an earlier version goes on working without a download."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.provision import checksum, kernels, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import kernel
from lazymmu.provision.integrity import damage
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError

_LOCKED = {"s390x": {"release": "6.12.1-s390x", "version": "6.12.1-1", "packages": []}}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache with a tool root in which nothing works, and a locked kernel."""
    cache = Cache(tmp_path / "cache", Progress())
    lock = cache.root / "kernels" / "lts.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps(_LOCKED))
    return cache


@pytest.fixture
def installed(cache: Cache) -> InstalledKernel:
    """The kernel, as an earlier version unpacked it: without a digest."""
    root = tool_root.path(cache)
    image = root / "lazymmu" / "kernels" / "6.12.1-s390x_6.12.1-1.vmlinuz"
    image.parent.mkdir(parents=True)
    image.write_bytes(bytes(range(256)) * 64)
    release = kernels.locked(cache, kernel("lts"))["s390x"]
    found = kernels.find(root, kernel("lts"), "s390x", release)
    assert found is not None
    return found


def test_one_without_a_digest_is_taken_and_has_one_from_then_on(cache: Cache, installed: InstalledKernel) -> None:
    before = installed.image.stat()
    kernels.verify(cache, installed)
    assert checksum.recorded(installed.image)
    assert checksum.mismatch(installed.image) is None
    assert installed.image.stat().st_mtime_ns == before.st_mtime_ns
    assert not list(cache.root.rglob("*.partial"))


def test_one_without_a_digest_serves_in_a_cache_that_cannot_be_written(
    cache: Cache, installed: InstalledKernel
) -> None:
    # A lock cannot be made there, not even by root.
    (cache.root / "locks").write_text("")
    kernels.verify(cache, installed)
    assert checksum.recorded(installed.image) is None


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:], "is damaged: "),
        (lambda data: data[:4096] + bytes(4096) + data[8192:], "is damaged: "),
        (lambda data: data[:-1], "is damaged: "),
        (lambda _: b"", "is empty"),
    ],
    ids=["flipped bit", "hole", "cut short", "empty"],
)
def test_a_damaged_one_is_named_with_the_command_that_mends_it(
    cache: Cache, installed: InstalledKernel, spoil: Callable[[bytes], bytes], wrong: str
) -> None:
    kernels.verify(cache, installed)
    image = installed.image
    image.write_bytes(spoil(image.read_bytes()))
    assert (damage("kernels", image) or "").startswith(wrong)
    with pytest.raises(SetupError) as caught:
        kernels.verify(cache, installed)
    assert f"the boot image {image} {wrong}" in caught.value.message
    assert caught.value.hint == f"rm {image} && lazymmu setup"
