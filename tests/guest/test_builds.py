# SPDX-License-Identifier: GPL-2.0-only
"""Builds of the module: with objects of the build before, and with one more revision or personality."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from lazymmu.architecture import architectures
from lazymmu.provision import builds
from lazymmu.provision.cache import Cache, default_root
from lazymmu.provision.checksum import beside
from lazymmu.provision.progress import Progress
from lazymmu.support.project import ROOT

from tests.guest import machines
from tests.guest.checkouts import Edit, appended
from tests.guest.conftest import Lazymmu
from tests.guest.faults import SOURCE

_ARCH = "s390x"
_SUBJECT = "harness/lazymmu/subject"


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
        # An edited header keeps no object.
        header = next(source.glob("*.h"))
        header.write_text(header.read_text() + "/* */")
        assert build() == second
    finally:
        forget()


def copied(name: str, new: str, *names: tuple[str, str]) -> Edit:
    """Return the edit that adds a file like another one, in which these names are replaced."""
    text = (ROOT / name).read_text()
    for old, instead in names:
        assert old in text
        text = text.replace(old, instead)
    return appended(new, text)


def test_one_file_adds_a_revision_and_one_a_personality(broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    named = ('"merged"', '"eager"')
    fenced = [('"arm64"', '"fenced"'), ('"barriers"', '"fences"')]
    extended = broken(
        copied(f"{_SUBJECT}/revisions/merged.py", f"{_SUBJECT}/revisions/eager.py", named),
        copied(
            "guest/module/api_merged.c",
            "guest/module/api_eager.c",
            *(named, ('"with-ptes"', '"eager-ptes"'), ("lmm_api_merged", "lmm_api_eager")),
        ),
        copied(f"{_SUBJECT}/personalities/arm64.py", f"{_SUBJECT}/personalities/fenced.py", *fenced),
        copied(
            "guest/module/arch_arm64.c", "guest/module/arch_fenced.c", *fenced, ("lmm_arch_arm64", "lmm_arch_fenced")
        ),
    )
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(
        "description: x\npersonality: fenced\nsteps: [lazy: [set_pte: {index: 0, value: 1}]]\n"
        "expect: {hooks: el, counters: {fences: 1}}\n"
    )
    done, document = extended.run(str(scenario), "--api", "eager", "--arch", _ARCH)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["summary"]["pass"] == 1


def test_a_revision_that_two_files_define_is_refused_with_its_name(broken: Callable[..., Lazymmu]) -> None:
    doubled = broken(
        copied("guest/module/api_v3.c", "guest/module/api_v5.c", ('"v3"', '"v5"'), ("lmm_api_v3", "lmm_api_v5"))
    )
    done, _ = doubled.run("nesting/single", "--api", "merged", "--arch", _ARCH)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "lazymmu: two files define v4" in done.stdout
