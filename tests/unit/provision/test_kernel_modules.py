# SPDX-License-Identifier: GPL-2.0-only
"""A driver's modules are found with all that they depend on, in the order in which they can be loaded."""

from __future__ import annotations

import lzma
import struct
from pathlib import Path

import pytest
import zstandard
from lazymmu.provision import kernel_modules
from lazymmu.support.errors import SetupError


def module(depends: str) -> bytes:
    """Return the least of an ELF file: a section .modinfo that says on what the module depends."""
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


def tree(folder: Path) -> Path:
    """Return an unpacked package: a driver that needs two others, in all forms that packages have."""
    modules = folder / "lib" / "modules" / "6.1" / "kernel"
    modules.mkdir(parents=True)
    (modules / "card-net.ko.xz").write_bytes(lzma.compress(module("spare,core_net,always")))
    (modules / "spare.ko").write_bytes(module("core-net"))
    (modules / "core_net.ko.zst").write_bytes(zstandard.ZstdCompressor().compress(module("")))
    (modules / "other.ko").write_bytes(module(""))
    (modules.parent / "modules.builtin").write_text("kernel/lib/always.ko\n")
    return folder


def test_what_a_module_depends_on_comes_before_it_and_nothing_else_does(tmp_path: Path) -> None:
    found = kernel_modules.modules(tree(tmp_path), "card_net")
    assert list(found) == ["core_net", "spare", "card_net"]
    assert found["core_net"] == module("")


def test_a_module_that_the_package_lacks_is_named(tmp_path: Path) -> None:
    next(tree(tmp_path).rglob("core_net.ko.zst")).unlink()
    with pytest.raises(SetupError, match="no module core_net, which card_net needs"):
        kernel_modules.modules(tmp_path, "card_net")


def test_a_module_that_cannot_be_unpacked_is_named(tmp_path: Path) -> None:
    next(tree(tmp_path).rglob("card-net.ko.xz")).write_bytes(b"no xz")
    with pytest.raises(SetupError, match=r"card-net\.ko\.xz in the kernel's package cannot be unpacked"):
        kernel_modules.modules(tmp_path, "card_net")


def test_what_is_built_in_needs_no_module(tmp_path: Path) -> None:
    assert kernel_modules.modules(tree(tmp_path), "always") == {}
