# SPDX-License-Identifier: GPL-2.0-only
"""The running kernel's own lazy MMU mode in real guests (docs/native.md)."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.provision import kernels, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import kernel
from lazymmu.provision.keys import default_root
from lazymmu.provision.progress import Progress
from lazymmu.scenario import load
from lazymmu.support.project import LIBRARY, ROOT

from tests.guest.conftest import Lazymmu, skip_unless_resolved
from tests.guest.test_run import write

ARCHES = ("arm64", "x86_64")
NATIVE = ("--kernel", "current", "--impl", "native", "--arch", "arm64", "--arch", "x86_64")
_FUNCTIONS = "include/linux/pgtable.h"


@pytest.fixture(scope="module")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the headers of `current` that arm64 and x86_64 share."""
    done, document = Lazymmu(ROOT, tmp_path_factory.mktemp("native")).run("nesting/single", *NATIVE)
    skip_unless_resolved(document)
    assert done.returncode == 0, done.stdout + done.stderr
    cache = Cache(default_root(), Progress())
    root, current = tool_root.path(cache, "arm64"), kernel("current")
    part = kernels.locked(cache, current, "arm64")
    assert part is not None
    installed = kernels.installed_kernel(root, current, "arm64", part)
    assert kernels.has_native(installed)
    return kernels.common_headers(installed)


@pytest.mark.usefixtures("headers")
def test_the_kernels_own_functions_do_what_the_model_predicts_misuse_included(lazymmu: Lazymmu) -> None:
    done, document = lazymmu.run(*NATIVE)
    assert done.returncode == 0, done.stdout + done.stderr
    scenarios = [scenario for scenario in load([], LIBRARY) if scenario.native]
    expected = {(s.name, arch) for s in scenarios for arch in s.native if arch in ARCHES}
    assert {(one["scenario"], one["arch"]) for one in document["results"]} == expected
    assert {one["impl"] for one in document["results"]} == {"native"}
    assert any(one["scenario"].startswith("misuse/") for one in document["results"])


@pytest.mark.usefixtures("headers")
def test_arm64_reports_its_pending_flag(lazymmu: Lazymmu, tmp_path: Path) -> None:
    folder = write(tmp_path / "given", written="description: x\nsteps: [lazy: [set_pte: {index: 0, value: 1}]]\n")
    done, document = lazymmu.run(folder, *NATIVE, "--trace")
    assert done.returncode == 0, done.stdout + done.stderr
    flags = {
        one["arch"]: [step["state"].get("pending") for step in one["observed"]["steps"]] for one in document["results"]
    }
    assert flags == {"arm64": [False, True, False], "x86_64": [None, None, None]}


def test_a_slip_in_the_kernels_own_function_is_a_failure_at_its_first_wrong_step(
    headers: Path, broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    slipped = broken()
    text, calls = re.subn(r"\barch_flush_lazy_mmu_mode\(\);", ";", (headers / _FUNCTIONS).read_text())
    assert calls == 1
    target = tmp_path / "checkout" / "guest" / "module" / "native" / "linux" / "pgtable.h"
    target.parent.mkdir()
    target.write_text(text)
    done, document = slipped.run("nesting/two-levels", "nesting/single", *NATIVE[:-2])
    assert done.returncode == 1, done.stdout + done.stderr
    for one in document["results"]:
        wrong = one["scenario"] != "nesting/single"
        assert one["outcome"] == ("fail" if wrong else "pass")
        assert bool(re.search(r"step \d+ disable: hooks: predicted f, observed \(none\)", one["reason"])) == wrong


def test_a_barrier_that_arm64_forgets_is_a_failure_where_it_is_due(
    headers: Path, broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    slipped = broken()
    name = "asm/pgtable.h"
    text, barriers = re.subn(r"\bdsb\(ishst\);", "", (headers / "arch/arm64/include" / name).read_text())
    assert barriers == 1
    target = tmp_path / "checkout" / "guest" / "module" / "native" / "arm64" / name
    target.parent.mkdir()
    target.write_text(text)
    folder = write(tmp_path / "given", writes="description: x\nsteps: [lazy: [set_pte: {index: 3, value: 1}]]\n")
    done, document = slipped.run(folder, *NATIVE[:-2])
    assert done.returncode == 1, done.stdout + done.stderr
    (one,) = document["results"]
    what = [difference.partition(": ")[2] for difference in one["differences"]]
    assert what[:2] == [
        "step 2 disable: outstanding: predicted 0, observed 1",
        "step 2 disable: counters: predicted {barriers: 1}, observed {}",
    ], what
