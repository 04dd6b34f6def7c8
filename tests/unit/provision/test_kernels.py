# SPDX-License-Identifier: GPL-2.0-only
"""What is known about kernels without apt, which of apt's failures are refusals, and damaged boot images."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.architecture import architectures
from lazymmu.provision import checksum, kernels, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import kernel
from lazymmu.provision.debian import NotThereError, refusal
from lazymmu.provision.kernels import InstalledKernel, Release
from lazymmu.provision.progress import Progress
from lazymmu.provision.subprocesses import ToolError
from lazymmu.support.errors import SetupError

CURRENT = kernel("current")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path, Progress())
    (cache.root / "kernels").mkdir()
    return cache


def test_the_headers_of_a_cached_kernel_say_whether_it_has_the_api(cache: Cache) -> None:
    lock = {arch: {"release": f"7.0-{arch}", "version": "7.0-1", "packages": []} for arch in ("arm64", "s390x")}
    (cache.root / "kernels" / "current.json").write_text(json.dumps(lock))
    root = tool_root.path(cache)
    for arch, config in (("arm64", "CONFIG_MMU=y\n"), ("s390x", "CONFIG_ARCH_HAS_LAZY_MMU_MODE=y\n")):
        image = root / "lazymmu" / "kernels" / f"7.0-{arch}_7.0-1.{architectures()[arch].boot_image}"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(b"image")
        auto = root / "usr/src" / f"linux-headers-7.0-{arch}" / "include/config/auto.conf"
        auto.parent.mkdir(parents=True)
        auto.write_text(config)
    found = {entry.arch: entry for entry in kernels.entries(cache, CURRENT)}
    said = {arch: (found[arch].native, found[arch].native_from, found[arch].cached) for arch in architectures()}
    assert said["arm64"] == (False, "headers", True)
    assert said["s390x"] == (True, "headers", True)
    assert said["x86_64"] == (True, "catalogue", False)


@pytest.mark.parametrize("text", ["{", "[1]", '{"arm64": {"release": "7.0"}}', '{"arm64": "7.0"}'])
def test_a_damaged_lock_file_is_an_error_with_the_command_that_removes_it(cache: Cache, text: str) -> None:
    path = cache.root / "kernels" / "current.json"
    path.write_text(text)
    with pytest.raises(SetupError, match="is damaged") as caught:
        kernels.locked(cache, CURRENT)
    assert caught.value.hint == f"remove it: rm {path}"


def test_only_what_apt_says_about_the_archive_is_a_refusal() -> None:
    assert refusal(SetupError("mmdebstrap is not installed")) is None
    assert refusal(ToolError("x", output="Killed\n")) is None
    assert refusal(NotThereError("no package x")) == "no package x"
    many = "".join(f"E: reason  {number}\n" for number in (1, 1, 2, 3))
    assert refusal(ToolError("x", output=many)) == "reason 1; reason 2"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        lambda data: data[:4096] + bytes(4096) + data[8192:],
        lambda data: data[:-1],
        lambda _: b"",
    ],
    ids=["flipped bit", "hole", "cut short", "empty"],
)
def test_a_damaged_boot_image_is_named_with_the_command_that_repairs_it(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    image = tmp_path / "6.12.1-s390x_6.12.1-1.vmlinuz"
    image.write_bytes(bytes(range(256)) * 64)
    checksum.write(image, checksum.beside(image))
    installed = InstalledKernel("lts", Release("6.12.1-s390x", "6.12.1-1", ()), image, "/headers")
    kernels.verify(installed)
    image.write_bytes(spoil(image.read_bytes()))
    with pytest.raises(SetupError) as caught:
        kernels.verify(installed)
    assert f"the boot image {image} is damaged: " in caught.value.message
    assert caught.value.hint == f"rm {image} && lazymmu setup"
