# SPDX-License-Identifier: GPL-2.0-only
"""Units that cannot be run are skips if a default selected them, and errors if the user named the cause."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.lock import Part
from lazymmu.provision.progress import Progress
from lazymmu.provision.setup import Images
from lazymmu.results.result import Outcome
from lazymmu.session.plan import without_implementation, without_machine
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.session.selection import Selection
from lazymmu.subject.implementations import NATIVE
from lazymmu.support.errors import GuestError
from msgspec.structs import replace

from tests.trees import built, source
from tests.unit import examples


@pytest.mark.parametrize(
    ("arch", "kernel", "named_arches", "named_kernels", "outcome"),
    [
        # The kernel is the cause.
        ("arm64", "lts", (), (), Outcome.SKIP),
        ("arm64", "lts", ("arm64",), (), Outcome.SKIP),
        ("arm64", "lts", (), ("lts",), Outcome.ERROR),
        ("arm64", "lts", (), ("lts", "current"), Outcome.ERROR),
        # The architecture is the cause.
        ("s390x", "current", (), (), Outcome.SKIP),
        ("s390x", "current", (), ("current",), Outcome.SKIP),
        ("s390x", "current", ("s390x",), ("current",), Outcome.ERROR),
        # Both are.
        ("s390x", "lts", (), (), Outcome.SKIP),
        ("s390x", "lts", ("arm64", "s390x"), (), Outcome.ERROR),
        ("s390x", "lts", (), ("lts",), Outcome.ERROR),
    ],
)
def test_a_missing_implementation_is_an_error_if_its_cause_is_named(
    tmp_path: Path,
    arch: str,
    kernel: str,
    named_arches: tuple[str, ...],
    named_kernels: tuple[str, ...],
    outcome: Outcome,
) -> None:
    unit = replace(examples.unit(tmp_path, api="merged", arch=arch), impl=NATIVE, kernel=kernel)
    result = without_implementation(unit, Selection(arches=named_arches, kernels=named_kernels))
    assert result is not None
    assert result.outcome is outcome
    assert ("s390x has none of its own" in result.reason) is (arch == "s390x")
    assert ("kernel lts has no nested lazy MMU mode of its own: that came with Linux 7.0" in result.reason) is (
        kernel == "lts"
    )


def test_an_implementation_that_a_kernel_has_is_available(tmp_path: Path) -> None:
    unit = replace(examples.unit(tmp_path, api="merged", arch="arm64"), kernel="current")
    selection = Selection(arches=("arm64",), kernels=("current",), impls=(NATIVE,))
    assert without_implementation(replace(unit, impl=NATIVE), selection) is None
    assert without_implementation(replace(unit, arch="s390x"), selection) is None


def test_an_implementation_that_cannot_be_observed_names_the_option(tmp_path: Path) -> None:
    tree = source(tmp_path / "linux", arches=("powerpc",))
    unit = replace(examples.unit(tmp_path, api="merged", arch="ppc64"), impl=NATIVE)
    for more, reason in (
        ("CONFIG_KPROBES=y\nCONFIG_KALLSYMS_ALL=y", ""),
        ("CONFIG_KPROBES=y", "has no CONFIG_KALLSYMS_ALL: without that nothing is observed natively on ppc64"),
        ("# CONFIG_ARCH_HAS_LAZY_MMU_MODE is not set", "that came with Linux 7.0"),
    ):
        name = str(built(tmp_path / f"build of {len(more)}", tree, "ppc64", more=more))
        result = without_implementation(replace(unit, kernel=name), Selection(kernels=(name,), impls=(NATIVE,)))
        assert (result is None) is (not reason)
        assert result is None or (result.outcome is Outcome.ERROR and reason in result.reason)


def images(folder: Path, name: str, there: Sequence[str], refused: Sequence[str]) -> Images:
    release = Part("", "", (), (), "7.3")
    return Images(
        cache=Cache(folder, Progress()),
        sandboxes={},
        kernels={arch: InstalledKernel(name, release, folder, "/headers") for arch in there},
        refused=dict.fromkeys(refused, "apt says so"),
        name=name,
    )


def test_a_machine_that_is_not_available_is_an_error_if_it_is_named_or_if_its_kernel_is_nowhere(
    tmp_path: Path,
) -> None:
    some, none = images(tmp_path, "current", ["arm64"], ["s390x"]), images(tmp_path, "next", [], ["s390x"])
    unit = examples.unit(tmp_path, api="merged", arch="s390x")
    for arches, outcome in (((), Outcome.SKIP), (("arm64",), Outcome.SKIP), (("s390x",), Outcome.ERROR)):
        selection = Selection(arches=arches)
        result, nowhere = without_machine(unit, some, selection), without_machine(unit, none, selection)
        assert result is not None
        assert (result.outcome, result.reason) == (outcome, "guests for s390x are not available: apt says so")
        assert nowhere is not None
        assert nowhere.outcome is Outcome.ERROR
        assert without_machine(replace(unit, arch="arm64"), some, selection) is None


def test_a_unit_whose_guest_died_is_an_error_with_its_prediction(tmp_path: Path) -> None:
    prepared = PreparedUnit(examples.unit(tmp_path))
    result = prepared.failed(GuestError("the guest died"))
    assert (result.outcome, result.reason) == (Outcome.ERROR, "the guest died")
    assert result.predicted == prepared.prediction
