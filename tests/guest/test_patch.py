# SPDX-License-Identifier: GPL-2.0-only
"""`run --patch`: mails made from the headers of Debian's kernel run on guests; a slip in one fails at its step."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lazymmu.architecture import architectures
from lazymmu.header.bases import of_kernel
from lazymmu.provision import catalogue
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import default_root
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError

from tests.guest import machines
from tests.guest.conftest import Lazymmu, skip_unless_resolved
from tests.patches import PGTABLE, diff, mail, mbox

ARM64 = architectures()["arm64"].native_header
_SOME = ("nesting/two-levels", "pause/nested")
_PENDING = "batching/arm64-pending-across-nesting"
_FLUSH = "\t\tarch_flush_lazy_mmu_mode();\n"
_CLEARED = "\tif (test_and_clear_thread_flag(TIF_LAZY_MMU_PENDING))\n"

#: Returns the text of a file of the kernel's tree.
Source = Callable[[str], str]


@pytest.fixture(scope="module")
def source() -> Source:
    """Return a function that reads the headers of Debian's kernel; skip without one that has the functions."""
    cache = Cache(default_root(), Progress())
    base = of_kernel(cache, catalogue.kernel("current"), ["arm64"])
    try:
        base.fetch(cache, offline=False)
    except SetupError as error:
        pytest.skip(str(error))
    return lambda path: (base.folder / path).read_text()


def changed(source: Source, old: str, new: str, path: str = PGTABLE) -> str:
    before = source(path)
    assert old in before
    return diff(before, before.replace(old, new, 1), path)


def test_a_mail_runs_on_all_architectures_and_every_report_says_what_was_driven(
    lazymmu: Lazymmu, source: Source, tmp_path: Path
) -> None:
    fine = changed(source, "if (state->enable_count++ == 0)", "if (++state->enable_count == 1)")
    more = diff("a\n", "b\n", "mm/memory.c")
    (tmp_path / "x.mail").write_text(mail(fine + more, "[PATCH] mm: count first"))
    done, document = lazymmu.run(*_SOME, "--patch", str(tmp_path / "x.mail"), "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {(one["arch"], one["impl"], one["outcome"]) for one in document["results"]} == {
        (arch, "header", "pass") for arch in machines.ARCHES
    }
    assert document["patch_applied"]["base"]["name"].startswith("current (Linux ")
    assert document["patch_applied"]["not_tested"] == ["mm/memory.c"]
    assert document["text"]["driven"][0] == "lazy_mmu_mode_enable"
    for part in ("x.mail: [PATCH] mm: count first", "not tested: mm/memory.c", "driven: lazy_mmu_mode_enable(), "):
        assert part in done.stdout
        assert part in (tmp_path / "out" / "results.ktap").read_text()
    assert (tmp_path / "out" / "patch").read_text() == (tmp_path / "x.mail").read_text()
    assert json.loads((tmp_path / "out" / "run.json").read_text())["patch"] == str(tmp_path / "x.mail")


def test_a_slip_in_the_last_mail_of_a_series_fails_at_its_step(lazymmu: Lazymmu, source: Source) -> None:
    before = source(PGTABLE)
    first = before.replace("if (--state->enable_count == 0)", "state->enable_count--;\n\tif (!state->enable_count)")
    series = mbox(
        mail(diff(first, first.replace(_FLUSH, "\t\t;\n", 1)), "[PATCH 2/2] mm: drop a flush"),
        mail("All of it.\n", "[PATCH 0/2] mm: both"),
        mail(diff(before, first), "[PATCH 1/2] mm: count"),
    )
    command = lazymmu.command("run", "nesting/two-levels", "--arch", "s390x", "--patch", "-")
    done = subprocess.run(command, input=series, capture_output=True, text=True, check=False, env=lazymmu.environment())
    assert done.returncode == 1, done.stdout + done.stderr
    assert "step 2 disable: hooks" in done.stdout
    assert "patch: -: [PATCH 1/2] mm: count and 1 more" in done.stdout


@pytest.mark.exhaustive
def test_an_architectures_header_is_compiled_and_driven_natively(
    lazymmu: Lazymmu, source: Source, tmp_path: Path
) -> None:
    def run(new: str) -> tuple[int, str, dict[str, Any]]:
        (tmp_path / "x.mail").write_text(mail(changed(source, _CLEARED, new, ARM64)))
        done, document = lazymmu.run(_PENDING, "--patch", str(tmp_path / "x.mail"))
        skip_unless_resolved(document)
        return done.returncode, done.stdout + done.stderr, document

    status, output, document = run(_CLEARED.replace("if (", "barrier();\n\tif ("))
    assert status == 0, output
    assert {(one["arch"], one["kernel"], one["impl"]) for one in document["results"]} == {
        ("arm64", "current", "native")
    }
    assert "driven natively: arch_flush_lazy_mmu_mode\n" in output
    status, output, _ = run("\tif (test_thread_flag(TIF_LAZY_MMU_PENDING))\n")
    assert status == 1, output
    assert "predicted  {pending: false}" in output
    status, output, _ = run(_CLEARED.replace("PENDING)", "PENDIN)"))
    assert status == 2, output
    assert f"{ARM64}:" in output and "'TIF_LAZY_MMU_PENDIN' undeclared" in output
