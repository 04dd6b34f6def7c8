# SPDX-License-Identifier: GPL-2.0-only
"""What `--kernel PATH` names, and why a user-built kernel cannot be run."""

import json
from pathlib import Path

import pytest
from lazymmu.provision import catalogue, kernel_config, kernels, own_kernels
from lazymmu.provision.cache import Cache
from lazymmu.provision.progress import Progress
from lazymmu.scenario import load
from lazymmu.session.selection import Selection, units
from lazymmu.support.errors import UsageError
from lazymmu.support.project import LIBRARY

from tests.trees import built, later, source, write


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree."""
    return source(tmp_path / "linux")


@pytest.fixture
def output(tmp_path: Path, tree: Path) -> Path:
    """The folder of a build of it for arm64."""
    return built(tmp_path / "out", tree)


def test_the_folder_of_a_build_says_all_about_its_kernel(tree: Path, output: Path) -> None:
    for name in (str(output), f"{output}/"):
        (kernel,) = own_kernels.of_path(name).values()
        assert (kernel.arch, kernel.release, kernel.native) == ("arm64", "7.3.4", True)
        assert (kernel.source, kernel.folder, kernel.image) == (tree, output, output / "arch/arm64/boot/Image")
        assert set(kernel.folders) == {tree, output}


def test_a_tree_may_be_built_in_place(tree: Path) -> None:
    built(tree, tree, "s390x", more="# CONFIG_ARCH_HAS_LAZY_MMU_MODE is not set")
    (kernel,) = own_kernels.of_path(str(tree)).values()
    assert (kernel.arch, kernel.folder, kernel.source, kernel.native) == ("s390x", tree, tree, False)
    assert kernel.folders == (tree,)


def test_a_boot_image_leads_to_the_folder_of_its_build(output: Path) -> None:
    write(output / "arch/arm64/boot/Image.gz", "compressed")
    for name, image in (("Image", "Image"), ("Image.gz", "Image.gz")):
        assert own_kernels.of_path(f"{output}/arch/arm64/boot/{name}")["arm64"].image.name == image
    # No guest of arm64 boots an ELF file.
    write(output / "vmlinux", "ELF")
    assert own_kernels.of_path(f"{output}/vmlinux")["arm64"].image == output / "arch/arm64/boot/Image"


def test_an_image_without_the_folder_of_its_build_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "boot/bzImage", "x")
    with pytest.raises(UsageError, match=r"no folder above it is that of its build \(looked for \.config\)"):
        own_kernels.of_path(f"{tmp_path}/boot/bzImage")


def test_tuxmake_leaves_a_folder_that_names_that_of_the_build(tmp_path: Path, tree: Path, output: Path) -> None:
    left = tmp_path / "tuxmake"
    write(left / "metadata.json", json.dumps({"build": {"target_arch": "arm64"}}))
    write(left / "config", (output / ".config").read_text())
    write(left / "build.log", f"make --silent --keep-going --jobs=8 O={output} ARCH=arm64 Image.gz\n")
    assert own_kernels.of_path(str(left))["arm64"].folder == output
    write(left / "config", "CONFIG_ARM64=y\n")
    with pytest.raises(UsageError, match="has since been built with another configuration"):
        own_kernels.of_path(str(left))
    write(left / "build.log", "make --silent O=/gone/by/now Image.gz\n")
    with pytest.raises(UsageError, match=r"tuxmake has removed .* /gone/by/now") as caught:
        own_kernels.of_path(str(left))
    assert caught.value.hint == "tuxmake --build-dir DIR keeps it"
    # Where it builds without --build-dir.
    built(left / "tmp", tree)
    write(left / "config", (left / "tmp/.config").read_text())
    assert own_kernels.of_path(str(left))["arm64"].folder == left / "tmp"


def test_a_source_tree_stands_for_the_last_build_of_each_architecture(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAZYMMU_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match="this source tree was not built") as caught:
        own_kernels.of_path(str(tree))
    assert caught.value.hint and f"lazymmu kernel build {tree}" in caught.value.hint
    folders = own_kernels.builds_of(tree)
    marks = []
    for arch, name in (("arm64", "arm64"), ("arm64", "arm64+vm"), ("s390x", "s390x")):
        marks.append(built(folders / name, tree, arch) / own_kernels.BUILT)
        write(marks[-1], f"{arch}\n")
    later(marks[1], marks[0])
    assert {arch: one.folder.name for arch, one in own_kernels.of_path(str(tree)).items()} == {
        "arm64": "arm64+vm",
        "s390x": "s390x",
    }
    later(marks[0], marks[1])
    assert own_kernels.of_path(str(tree))["arm64"].folder.name == "arm64"


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda out: (out / "Module.symvers").unlink(), "the module cannot be built: .* has no Module.symvers"),
        (lambda out: (out / "arch/arm64/boot/Image").unlink(), r"no boot image .*arch/arm64/boot/Image, .*Image\.gz"),
        (lambda out: (out / "include/config/kernel.release").unlink(), "is configured and not built"),
        (lambda out: write(out / "include/config/kernel.release", "6.0.9"), r"Linux 6\.0\.9; 6\.1 or later is needed"),
        (lambda out: write(out / "lazymmu/merged", ""), "the last `lazymmu kernel build` in .* did not finish"),
        (
            lambda out: write(out / ".config", "# Linux/mips 7.3.4 Kernel Configuration\nCONFIG_MIPS=y\n"),
            r"is built for mips: its \.config has none of CONFIG_ARM64=y \(arm64\), CONFIG_S390=y",
        ),
        (lambda out: write(out / ".config", "CONFIG_ARM64=y\nCONFIG_CC_IS_CLANG=y\n"), "was built by clang"),
    ],
)
def test_what_is_wrong_with_a_build_is_named(output: Path, break_it: object, reason: str) -> None:
    assert callable(break_it)
    break_it(output)
    with pytest.raises(UsageError, match=reason):
        own_kernels.of_path(str(output))


def test_every_option_that_the_harness_misses_is_named_if_the_tree_has_it(tree: Path, output: Path) -> None:
    text = (output / ".config").read_text()
    for option in ("VIRTIO_PCI", "MODULES", "SYSCTL"):
        text = text.replace(f"CONFIG_{option}=y", f"# CONFIG_{option} is not set")
    write(output / ".config", text + "CONFIG_MODULE_SIG_FORCE=y\n")
    # Linux 7 has no PROC_SYSCTL, so an option of that kind is not asked for.
    write(tree / "init/Kconfig", "config VIRTIO_PCI\nmenuconfig MODULES\nconfig MODULE_SIG_FORCE\n")
    write(tree / "arch/mips/Kconfig", "config SYSCTL\n")
    with pytest.raises(UsageError) as caught:
        own_kernels.of_path(str(output))
    assert caught.value.message.splitlines()[1:] == [
        "    CONFIG_MODULES=y",
        "    # CONFIG_MODULE_SIG_FORCE is not set",
        "    CONFIG_VIRTIO_PCI=y",
    ]


def test_a_kernel_for_xen_runs_there_if_asked_to_and_lacking_options_are_named(tree: Path, output: Path) -> None:
    built(output, tree, "x86_64")
    write(tree / "arch/x86/Kconfig", "config XEN_DOM0\nconfig HVC_XEN\n")
    scenarios, asked = load(["nesting/single"], LIBRARY), Selection(kernels=(f"{output}/",), arches=("x86_64-xen",))
    with pytest.raises(UsageError) as caught:
        units(scenarios, asked)
    assert caught.value.message.splitlines() == [
        f"--kernel {output}/: guests of x86_64-xen need other options:",
        "    CONFIG_XEN_DOM0=y",
        "    CONFIG_HVC_XEN=y",
    ]
    write(
        output / ".config",
        (output / ".config").read_text()
        + "".join(f"{kernel_config.line(*one)}\n" for one in kernel_config.needed("x86_64-xen").items()),
    )
    catalogue._own.cache_clear()
    assert {unit.arch for unit in units(scenarios, asked)} == {"x86_64-xen"}
    assert {unit.arch for unit in units(scenarios, Selection(kernels=asked.kernels))} == {"x86_64"}
    assert {unit.arch for unit in units(scenarios, Selection(kernels=asked.kernels, arches=("all",)))} == {
        "x86_64",
        "x86_64-xen",
    }
    # One that was built for Xen has nothing else.
    write(output / own_kernels.BUILT, "x86_64-xen\n")
    catalogue._own.cache_clear()
    assert {unit.arch for unit in units(scenarios, Selection(kernels=asked.kernels))} == {"x86_64-xen"}


def test_a_header_that_was_edited_after_the_build_asks_for_another_build(tree: Path, output: Path) -> None:
    image = output / "arch/arm64/boot/Image"
    for header in ("include/linux/pgtable.h", "arch/arm64/include/asm/pgtable.h"):
        later(tree / header, image)
        with pytest.raises(UsageError, match=f"{header} in {tree} was changed after the kernel was built"):
            own_kernels.of_path(str(output))
        later(image, tree / header)
        assert own_kernels.of_path(str(output))


def test_the_key_of_a_build_changes_with_the_image_and_with_each_header(tree: Path, output: Path) -> None:
    kernel = own_kernels.of_path(str(output))["arm64"]
    seen = {kernel.identity()}
    assert seen == {kernel.identity()}
    for file in (kernel.image, tree / "include/linux/sched.h", output / ".config", output / "include/generated/new.h"):
        write(file, "other")
        seen.add(kernel.identity())
    assert len(seen) == 5


@pytest.mark.parametrize("made", [["README"], ["Makefile", "include/linux/pgtable.h"]])
def test_a_folder_that_is_not_linux_is_refused_with_what_was_looked_for(tmp_path: Path, made: list[str]) -> None:
    for name in made:
        write(tmp_path / "x" / name, "all:\n")
    with pytest.raises(UsageError, match=r"is not Linux: there is no .*Makefile.* no \.config of a build, metadata"):
        own_kernels.of_path(str(tmp_path / "x"))


def test_a_source_tree_that_is_too_old_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is Linux 6\.0\.4; 6\.1 or later is needed"):
        own_kernels.of_path(str(source(tmp_path / "old", version=(6, 0))))


def test_a_kernel_of_ones_own_is_run_on_its_architecture_alone(output: Path) -> None:
    scenarios, name = load(["nesting/single"], LIBRARY), f"{output}/"
    found = units(scenarios, Selection(kernels=(name,)))
    assert {(one.arch, one.kernel) for one in found} == {("arm64", name)}
    assert {one.impl for one in found} == {"module", "native"}
    both = units(scenarios, Selection(kernels=("lts", name), arches=("arm64", "s390x")))
    assert {(one.arch, one.kernel) for one in both} == {("arm64", "lts"), ("s390x", "lts"), ("arm64", name)}
    with pytest.raises(UsageError, match="is built for arm64, and --arch says s390x"):
        units(scenarios, Selection(kernels=(name,), arches=("s390x",)))


def test_a_variant_of_an_architecture_runs_its_kernels_if_they_have_its_option_and_it_is_named(tmp_path: Path) -> None:
    tree = source(tmp_path / "linux", arches=("powerpc",))
    scenarios = load(["nesting/single"], LIBRARY)
    name = str(built(tmp_path / "out", tree, "ppc64"))
    with pytest.raises(UsageError, match="is built for ppc64, and --arch says ppc64-radix"):
        units(scenarios, Selection(kernels=(name,), arches=("ppc64-radix",)))
    name = str(built(tmp_path / "both", tree, "ppc64", more="CONFIG_PPC_RADIX_MMU_DEFAULT=y"))
    for named, arches in (((), {"ppc64"}), (("ppc64-radix",), {"ppc64-radix"}), (("all",), {"ppc64", "ppc64-radix"})):
        assert {one.arch for one in units(scenarios, Selection(kernels=(name,), arches=named))} == arches


def test_a_name_that_is_a_folder_is_told_how_to_become_a_path(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(output.parent)
    with pytest.raises(UsageError, match="unknown kernel `out`") as caught:
        catalogue.kernel("out")
    assert caught.value.hint and caught.value.hint.endswith("; a path has a `/`: ./out")
    assert catalogue.kernel("./out").native == ("arm64",)


def test_the_boot_image_is_copied_into_the_tool_root_once_for_each_build(output: Path, tmp_path: Path) -> None:
    cache, root = Cache(tmp_path / "cache", Progress()), tmp_path / "cache/roots/r"
    built_kernel = own_kernels.of_path(str(output))["arm64"]
    first = kernels.install_own(cache, root, "./out", built_kernel)
    assert (first.image.read_text(), first.root, first.headers) == ("image of 7.3.4\n", root, str(output))
    assert first == kernels.install_own(cache, root, "./out", built_kernel)
    write(built_kernel.image, "another")
    second = kernels.install_own(cache, root, "./out", built_kernel)
    assert second.image != first.image and second.version != first.version
    assert second.image.read_text() == "another"
