# SPDX-License-Identifier: GPL-2.0-only
"""Finds the KUnit suites of lazy MMU mode in a user-built kernel: the kernel's own one, and others beside it.

Linux 7.0 and later have one in mm/tests, with CONFIG_LAZY_MMU_MODE_KUNIT_TEST.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from lazymmu.provision.kernel_config import OFF
from lazymmu.provision.own_kernels import BuiltKernel

_TESTS = "mm/tests"
_ABOUT = "lazy_mmu_mode_enable("
_NAME = re.compile(r'struct\s+kunit_suite\s+\w+\s*=\s*\{[^}]*?\.name\s*=\s*"([\w-]+)"')
# By the first one KUnit is there, by the second its suites can be run again and again.
_NEEDED = ("KUNIT", "KUNIT_DEBUGFS")


class KunitSuite(Struct, frozen=True):
    """One suite in a kernel."""

    name: str
    source: Path
    #: Why it cannot be run; empty if it can be.
    refusal: str


def suites(kernel: BuiltKernel) -> Iterator[KunitSuite]:
    """Yield the suites about lazy MMU mode that were built with a kernel, in the order of their files."""
    built_in, modules = (_listed(kernel.folder / "mm" / name) for name in ("built-in.a", "modules.order"))
    for source in sorted((kernel.source / _TESTS).glob("*.c")) if b"tests/" in built_in + modules else ():
        member = f"tests/{source.stem}.o".encode()
        text = source.read_text(encoding="utf-8", errors="replace")
        if _ABOUT not in text or member not in built_in + modules:
            continue
        lost = [f"CONFIG_{name}=y" for name in _NEEDED if kernel.config.get(name, OFF) != "y"]
        refusal = f"its kernel was built without {' and '.join(lost)}" if lost else ""
        if member not in built_in:
            refusal = f"{_TESTS}/{source.name} is a module of its kernel and must be built in"
        yield from (KunitSuite(name, source, refusal) for name in _NAME.findall(text))


def _listed(file: Path) -> bytes:
    """Return a file that kbuild makes, in which it names objects: a thin archive, or a list of modules."""
    return file.read_bytes() if file.is_file() else b""
