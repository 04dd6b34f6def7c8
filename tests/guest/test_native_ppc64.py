# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own lazy MMU mode on powerpc, in a kernel that is built here, with the hash MMU and with radix."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.scenario import load
from lazymmu.support.project import LIBRARY, ROOT

from tests.guest.conftest import Lazymmu
from tests.guest.test_run import write
from tests.trees import TREE

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(TREE not in os.environ, reason=f"{TREE} names no source tree"),
]

HASH, RADIX = "ppc64", "ppc64-radix"
_HOOKS = "asm/book3s/64/tlbflush-hash.h"
_OVER_VALID = """\
description: A write over a valid entry, in a section that may not sleep with the hash MMU.
steps: [set_pte: {index: 3, value: 1}, lazy: [set_pte: {index: 3, value: 0x1001}, might_sleep]]
"""


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The flags of a native run in a kernel with the kernel's checks."""
    tree = os.environ[TREE]
    words = ("kernel", "build", tree, "--arch", HASH, "--debug", "vm,atomic-sleep")
    done = Lazymmu(ROOT, tmp_path_factory.mktemp("built"))(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return "--kernel", done.stdout.split()[-1], "--impl", "native"


@pytest.fixture
def slipped(broken: Callable[..., Lazymmu], tmp_path: Path) -> Callable[[str, str], Lazymmu]:
    """Return lazymmu with another text of the kernel's hooks, which is given with what it replaces."""

    def make(right: str, wrong: str) -> Lazymmu:
        text = (Path(os.environ[TREE]) / "arch/powerpc/include" / _HOOKS).read_text()
        assert text.count(right) == 1
        lazymmu = broken()
        target = tmp_path / "checkout" / "guest" / "module" / "native" / "powerpc" / _HOOKS
        target.parent.mkdir(parents=True)
        target.write_text(text.replace(right, wrong))
        return lazymmu

    return make


def test_the_kernels_own_batch_does_what_the_model_predicts_and_radix_puts_nothing_off(
    lazymmu: Lazymmu, native: tuple[str, ...]
) -> None:
    done, document = lazymmu.run(*native, "--arch", HASH, "--arch", RADIX)
    assert done.returncode == 0, done.stdout + done.stderr
    results = document["results"]
    assert {one["outcome"] for one in results} == {"pass"}
    scenarios = [scenario for scenario in load([], LIBRARY) if scenario.native]
    expected = {(one.name, arch) for one in scenarios for arch in one.native if arch in (HASH, RADIX)}
    assert {(one["scenario"], one["arch"]) for one in results} == expected
    counters = {arch: [one["observed"]["counters"] for one in results if one["arch"] == arch] for arch in (HASH, RADIX)}
    for name in ("deferred", "flushes", "flushed_entries", "warnings", "atomic_sleeps"):
        assert any(one[name] for one in counters[HASH]), name
    assert max(one["flushed_entries"] for one in counters[HASH]) > 192
    assert any(one["deferred"] == 0 < one["arch_enter"] for one in counters[RADIX])
    assert not any(one["deferred"] or "flushes" in one for one in counters[RADIX])


def test_a_leave_that_forgets_the_batch_fails_where_it_is_due(
    native: tuple[str, ...], slipped: Callable[[str, str], Lazymmu], tmp_path: Path
) -> None:
    lazymmu = slipped("\tarch_flush_lazy_mmu_mode();\n\tpreempt_enable();", "\tpreempt_enable();")
    folder = write(tmp_path / "given", over=_OVER_VALID)
    done, document = lazymmu.run(folder, *native, "--arch", HASH, "--arch", RADIX)
    assert done.returncode == 1, done.stdout + done.stderr
    by_arch = {one["arch"]: one for one in document["results"]}
    assert by_arch[RADIX]["outcome"] == "pass"
    what = [difference.partition(": ")[2] for difference in by_arch[HASH]["differences"]]
    assert what[:2] == [
        "step 4 disable: outstanding: predicted 0, observed 1",
        "step 4 disable: counters: predicted {flushes: 1, flushed_entries: 1}, observed {}",
    ], what


def test_a_hook_that_does_not_ask_for_the_mmu_fails_on_radix(
    native: tuple[str, ...], slipped: Callable[[str, str], Lazymmu], tmp_path: Path
) -> None:
    asks = "\tif (radix_enabled())\n\t\treturn;\n"
    lazymmu = slipped(f"{asks}\t/*\n", "\t/*\n")
    folder = write(tmp_path / "given", over=_OVER_VALID)
    done, document = lazymmu.run(folder, *native, "--arch", HASH, "--arch", RADIX)
    assert done.returncode == 1, done.stdout + done.stderr
    by_arch = {one["arch"]: one for one in document["results"]}
    assert by_arch[HASH]["outcome"] == "pass"
    assert "step 3 might_sleep: counters: predicted {}, observed {atomic_sleeps: 1}" in by_arch[RADIX]["reason"]
