# SPDX-License-Identifier: GPL-2.0-only
"""Exported KUnit suites are compiled with a kernel's headers, and run, with the kernel's own, in a kernel with them."""

import os
import shutil
from pathlib import Path

import pytest
from lazymmu.architecture import architectures
from lazymmu.provision import builds
from lazymmu.provision.builds import Variant
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import default_root
from lazymmu.provision.progress import Progress

from tests.guest import machines
from tests.guest.conftest import Lazymmu
from tests.trees import TREE

#: Blocks, a pause, a hook that is called, an open end, calls in a row that wrap, and misuse that is counted.
SCENARIOS = (
    *("nesting/two-levels", "nesting/flush-anywhere", "nesting/left-open", "nesting/deep", "pause/across-levels"),
    *("wrap/enable-256-times", "wrap/pause-and-back", "misuse/resume-first", "misuse/checks-of-merged"),
)


def export(lazymmu: Lazymmu, file: Path) -> None:
    done = lazymmu("export", "--kunit", *SCENARIOS, "-o", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.exhaustive
@pytest.mark.parametrize("arch", ["arm64", "x86_64"])
def test_an_exported_suite_compiles_without_a_warning(lazymmu: Lazymmu, tmp_path: Path, arch: str) -> None:
    export(lazymmu, tmp_path / "lazy_kunit.c")
    # Debian's kernels have no KUnit: its headers are there, and its functions are not.
    (tmp_path / "Kbuild").write_text("obj-m += lazy_kunit.o\nccflags-y += -Werror -DCONFIG_KUNIT\n")
    images = machines.images(arch, "current")
    made = builds.module(
        Cache(default_root(), Progress()),
        images.sandboxes[arch],
        architectures()[arch],
        images.kernels[arch],
        source=tmp_path,
        name="lazy_kunit",
        variant=Variant(make=("KBUILD_MODPOST_WARN=1",)),
    )
    assert made.read_bytes()[:4] == b"\x7fELF"


@pytest.mark.exhaustive
@pytest.mark.skipif(TREE not in os.environ, reason=f"{TREE} names no source tree")
def test_suites_pass_in_a_right_kernel_and_fail_in_a_wrong_one(lazymmu: Lazymmu, tmp_path: Path) -> None:
    tree, out = tmp_path / "linux", tmp_path / "out"
    shutil.copytree(os.environ[TREE], tree, symlinks=True)
    export(lazymmu, tree / "mm/tests/lazy_kunit.c")
    with (tree / "mm/Makefile").open("a") as file:
        file.write("obj-$(CONFIG_LAZY_MMU_MODE_KUNIT_TEST) += tests/lazy_kunit.o\n")
    header = tree / "include/linux/pgtable.h"
    text = header.read_text()
    for is_right in (True, False):
        if not is_right:
            # A nested disable ends the section.
            header.write_text(
                text.replace("	if (--state->enable_count == 0)\n", "	if (!(state->enable_count = 0))\n")
            )
            assert header.read_text() != text
        done = lazymmu("kernel", "build", str(tree), "--arch", "arm64", "--debug", "vm,kunit", "--out", str(out))
        assert done.returncode == 0, done.stdout + done.stderr
        done, document = lazymmu.run("--kernel", str(out), "--impl", "kunit")
        results = {one["scenario"]: one for one in document["results"]}
        assert {*results} == {"kunit/lazy", "kunit/lazy_mmu_mode"}
        assert done.returncode == (0 if is_right else 1), done.stdout + done.stderr
        assert {one["outcome"] for one in results.values()} == {"pass" if is_right else "fail"}
        assert ("ok 1 lazy_mmu_mode_active" if is_right else "not ok 1 lazy_mmu_mode_active") in results[
            "kunit/lazy_mmu_mode"
        ]["ktap"]
        if not is_right:
            assert "# nesting/two-levels:8" in results["kunit/lazy"]["ktap"]
