# SPDX-License-Identifier: GPL-2.0-only
"""A boot image is used only as it was unpacked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.provision import checksum, kernels
from lazymmu.provision.kernels import InstalledKernel, Release
from lazymmu.support.errors import SetupError


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
def test_a_damaged_one_is_named_with_the_command_that_repairs_it(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    image = tmp_path / "6.12.1-s390x_6.12.1-1.vmlinuz"
    image.write_bytes(bytes(range(256)) * 64)
    checksum.write(image, checksum.beside(image))
    kernel = InstalledKernel("lts", Release("6.12.1-s390x", "6.12.1-1", ()), image, "/headers")
    kernels.verify(kernel)
    image.write_bytes(spoil(image.read_bytes()))
    with pytest.raises(SetupError) as caught:
        kernels.verify(kernel)
    assert f"the boot image {image} is damaged: " in caught.value.message
    assert caught.value.hint == f"rm {image} && lazymmu setup"
