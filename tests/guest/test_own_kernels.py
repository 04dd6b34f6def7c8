# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that a path names, in real guests: Debian's as if it had been built here, and one that is built here."""

import os
import shutil
from pathlib import Path

import pytest
from lazymmu.provision import kernels
from lazymmu.subject.counters import CHECKS

from tests.guest import machines
from tests.guest.conftest import Lazymmu
from tests.trees import TREE, built, source

#: Architectures whose kernel has the nested API.
NATIVE = ("arm64", "x86_64", "ppc64")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `build` of a kernel beside its `source`, as kbuild leaves them with O=: Debian's headers and image."""
    images, folder = machines.images("arm64", "current"), tmp_path_factory.mktemp("own")
    installed = images.kernels["arm64"]
    kbuild = next(installed.root.glob(f"usr/lib/linux-kbuild-{installed.release.release.partition('-')[0]}*"))
    common = kernels.common_headers(installed)
    for name, given in (("source", common), ("build", installed.root / installed.headers.lstrip("/"))):
        shutil.copytree(given, folder / name, ignore=shutil.ignore_patterns("scripts", "tools"))
        for tools in ("scripts", "tools"):
            shutil.copytree(kbuild / tools, folder / name / tools)
    build = folder / "build"
    (build / "Makefile").write_text(f"KBUILD_OUTPUT={build}\ninclude {folder}/source/Makefile\n")
    (build / "arch/arm64/boot").mkdir(parents=True)
    shutil.copyfile(installed.image, build / "arch/arm64/boot/Image")
    return build


@pytest.mark.exhaustive
def test_a_kernel_that_a_path_names_boots_and_runs_by_the_module_and_natively(lazymmu: Lazymmu, unpacked: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in unpacked.parent.rglob("*")}
    done, document = lazymmu.run("nesting/single", "--kernel", str(unpacked))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {(one["arch"], one["impl"], one["kernel"], one["outcome"]) for one in document["results"]} == {
        ("arm64", impl, str(unpacked), "pass") for impl in ("module", "native")
    }
    assert f"kernels: {document['results'][0]['release']}\n" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in unpacked.parent.rglob("*")} == before


def test_a_guest_over_ssh_needs_a_network_driver_in_the_kernel(lazymmu: Lazymmu, tmp_path: Path) -> None:
    folder = built(tmp_path / "built", source(tmp_path / "linux"), more="CONFIG_INET=y\nCONFIG_UNIX98_PTYS=y")
    done, _ = lazymmu.run("nesting/single", "--kernel", str(folder), "--transport", "ssh")
    assert done.returncode == 2
    assert f"--transport ssh: the kernel {folder} has no CONFIG_VIRTIO_NET=y" in done.stderr


@pytest.mark.exhaustive
@pytest.mark.skipif(TREE not in os.environ, reason=f"{TREE} names no source tree")
@pytest.mark.parametrize("arch", ["arm64", "x86_64", "s390x", "ppc64", "riscv64"])
def test_a_small_kernel_is_built_and_an_edit_of_the_tree_is_built_again(
    lazymmu: Lazymmu, tmp_path: Path, arch: str
) -> None:
    tree, out = Path(os.environ[TREE]), tmp_path / "out"
    words = ("kernel", "build", str(tree), "--arch", arch, "--debug", "vm,atomic-sleep", "--out", str(out))
    done = lazymmu(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "could not be set" not in done.stdout
    objects = {path: path.stat().st_mtime_ns for path in out.rglob("*.o")}
    assert lazymmu(*words).returncode == 0
    again = [path for path, made in objects.items() if path.stat().st_mtime_ns != made]
    assert len(again) <= 1, again
    done, document = lazymmu.run("nesting", "pause", "misuse", "sleeping", "wrap", "--kernel", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {one["outcome"] for one in document["results"]} == {"pass"}
    native = [one["observed"]["counters"] for one in document["results"] if one["impl"] == "native"]
    assert bool(native) == (arch in NATIVE)
    for check in CHECKS if native else ():
        assert any(counters[check] for counters in native), check
