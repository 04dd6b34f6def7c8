# SPDX-License-Identifier: GPL-2.0-only
"""A module that is built with the objects of the build before it is the same as one that is built from nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from lazymmu.architecture import architectures
from lazymmu.provision import builds
from lazymmu.provision.cache import Cache, default_root
from lazymmu.provision.checksum import beside
from lazymmu.provision.progress import Progress

from tests.guest import machines
from tests.guest.faults import SOURCE

_ARCH = "s390x"


def test_one_edit_gives_what_a_whole_build_gives(tmp_path: Path) -> None:
    images = machines.images(_ARCH)
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source)
    made: list[Path] = []

    def build() -> bytes:
        made.append(
            builds.module(
                Cache(default_root(), Progress()),
                images.sandboxes[_ARCH],
                architectures()[_ARCH],
                images.kernels[_ARCH],
                source=source,
                name="faults",
            )
        )
        return made[-1].read_bytes()

    def forget() -> None:
        for path in made:
            path.unlink(missing_ok=True)
            beside(path).unlink(missing_ok=True)

    edited = source / "memory.c"
    try:
        edited.write_text(edited.read_text() + f"\nint lmm_{tmp_path.name};\n")
        first = build()
        edited.write_text(edited.read_text().replace(f"lmm_{tmp_path.name}", "lmm_another"))
        second = build()
        assert second != first
        forget()
        # Another header leaves no object.
        header = next(source.glob("*.h"))
        header.write_text(header.read_text() + "/* */")
        assert build() == second
    finally:
        forget()
