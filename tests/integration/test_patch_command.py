# SPDX-License-Identifier: GPL-2.0-only
"""`run --patch` on the command line: what it selects, and what it says of a patch that cannot be tested. No guest."""

import io
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
from lazymmu.architecture import architectures
from lazymmu.cli import main
from lazymmu.provision import catalogue, kernels
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import default_root
from lazymmu.provision.progress import Progress
from lazymmu.scenario import load
from lazymmu.session import header_run, manifest
from lazymmu.session.given import Given
from lazymmu.session.selection import Selection, units

from tests.headers import EXTENDED, HEAD, MERGED, NESTED_FLUSH, V4, line
from tests.patches import PGTABLE, diff, mail, mbox, tree
from tests.unit import examples
from tests.unit.rows import each_row

ASM = "arch/arm64/include/asm/pgtable.h"
HOOKS = """\
static inline void emit(void)
{
	dsb(ishst);
}

static inline void arch_flush_lazy_mmu_mode(void)
{
	emit();
}

static inline void pte_other(void)
{
	isb();
}
"""
OTHER_HOOKS = HOOKS.replace("dsb(ishst)", "dsb(ish)")
FIX = diff(MERGED, MERGED.replace(NESTED_FLUSH, ""))

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a patch on a tree; the cache is empty, and nothing is fetched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    examples.scenario(tmp_path, examples.NESTED)
    tree(tmp_path / "linux", MERGED)

    def call(patch: str, *flags: str) -> tuple[int, str]:
        Path("x.patch").write_text(patch)
        status = main(["run", "example.yaml", "--patch", "x.patch", "--offline", *flags])
        return status, capsys.readouterr().err

    return call


@pytest.mark.parametrize("bisect", [False, True])
@each_row(
    ("patch", "message"),
    [
        ("hello\n", "--patch x.patch: is not a patch: 1 mail without a diff; looked for lines `diff --git"),
        (
            mail(FIX.replace("-\t\tarch", "-\t\t\narch")),
            "--patch x.patch: [PATCH] mm: change something: the hunk `@@ -",
        ),
        (
            mail(diff("a\n", "b\n", "mm/memory.c")),
            "changes nothing that is tested: it changes mm/memory.c; looked for the",
        ),
        (
            mail(diff(MERGED, MERGED.replace("not an #ifdef", "none"))),
            f"it changes {PGTABLE} (comments, or other lines)",
        ),
        (
            mail(
                diff(MERGED, "")
                .replace("---", "deleted file mode 100644\n---", 1)
                .replace(f"+++ b/{PGTABLE}", "+++ /dev/null")
            ),
            f"removes or moves {PGTABLE}",
        ),
        (mail(diff(V4, V4.replace("active", "on"))), "--tree linux: hunk 1 of "),
        (mail(diff(MERGED.replace(NESTED_FLUSH, ""), MERGED)), "--tree linux: the patch is already in it"),
        (
            mail(FIX, "[PATCH 2/3] mm: x").replace("-\t\tarch", "-\tarch"),
            "give the whole series: mail 1, 3 of it is missing",
        ),
        (
            mail(diff(MERGED, MERGED.replace("enable_count -= 1", "nesting_level -= 1"))),
            "of a task's state, which is that of v4",
        ),
    ],
)
def test_a_patch_that_cannot_be_tested_is_refused_with_the_reason(
    run: Run, patch: str, message: str, bisect: bool
) -> None:
    status, error = run(patch, "--tree", "linux", *(["--bisect"] if bisect else []))
    assert status == (125 if bisect else 2)
    assert message in error


def test_every_kernel_that_was_tried_is_named(run: Run) -> None:
    status, error = run(mail(FIX))
    assert status == 2
    assert f"does not apply to {PGTABLE} of any base that was tried:\n    lts (Linux 6.12." in error
    assert "its headers are not in the cache, and --offline forbids fetching them" in error
    assert "\n    next: it is not resolved" in error
    assert "hint: --tree DIR applies it" in error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tree", "nowhere"], f"--tree nowhere: is not a source tree of Linux: it has no {PGTABLE}"),
        (["--tree", "linux", "--impl", "module"], "--patch x.patch: --impl module does not include it"),
        (["--tree", "linux", "--api", "v4"], "that of v4 is nesting_level and active"),
        (["--patch", "none"], "--patch none: cannot be read: No such file"),
        (["--patch", "-", "--watch"], "--watch and --patch - cannot be given together: it is not a file"),
    ],
)
def test_wrong_flags_are_wrong_usage(run: Run, flags: list[str], message: str) -> None:
    status, error = run(mail(FIX), *flags)
    assert (status, message in error) == (2, True), error


def given(
    patch: str | Path, folder: Path, *, kept: Path | None = None, arches: tuple[str, ...] = ()
) -> tuple[Given, Selection]:
    if isinstance(patch, str):
        (folder / "x.patch").write_text(patch)
        patch = folder / "x.patch"
    values = {"header": None, "patch": str(patch), "tree": str(folder / "linux"), "offline": True}
    found, selection = header_run.selected(Namespace(**values), Selection(arches=arches), kept)
    assert found is not None
    return found, selection


def test_the_patched_text_runs_as_its_revision_everywhere(run: Run, tmp_path: Path) -> None:
    extended = mail(diff(MERGED, EXTENDED))
    found, selection = given(extended, tmp_path)
    assert found.text is not None and found.text.whole == EXTENDED
    chosen = {(one.api, one.impl, one.kernel) for one in units(load(["example.yaml"], Path()), selection)}
    assert chosen == {("with-ptes", "header", "lts")}
    assert found.facts["base"]["name"] == f"--tree {tmp_path / 'linux'}"
    assert found.facts["not_tested"] == []


def test_what_else_a_patch_changes_is_named(run: Run, tmp_path: Path) -> None:
    both = MERGED.replace(NESTED_FLUSH, "").replace("#ifndef _MINE_H", "#define MORE\n#ifndef _MINE_H")
    more = diff("a\n", "b\n", "mm/memory.c") + diff("", "a\n", "mm/new.c") + diff("x\n", "y\n", ASM)
    found, _ = given(mail(diff(MERGED, both) + more), tmp_path, arches=("s390x",))
    outside = f"{PGTABLE} outside `#ifdef CONFIG_ARCH_HAS_LAZY_MMU_MODE`"
    assert found.facts["not_tested"] == [outside, "mm/memory.c", "mm/new.c", ASM]


def test_a_series_makes_one_text(run: Run, tmp_path: Path) -> None:
    last = EXTENDED.replace(NESTED_FLUSH, "")
    series = mbox(mail(diff(EXTENDED, last), "[PATCH 2/2] b"), mail(diff(MERGED, EXTENDED), "[PATCH 1/2] a"))
    found, _ = given(series, tmp_path)
    assert found.text is not None and found.text.whole == last
    assert found.facts["title"].endswith("x.patch: [PATCH 1/2] a and 1 more")


def test_a_draft_in_a_patch_is_its_revision(run: Run, tmp_path: Path) -> None:
    found, selection = given(mail(diff(MERGED, V4)), tmp_path)
    assert selection.of_header == ("v4",)
    assert found.text is not None and found.text.with_ptes is None


def test_a_resumed_run_takes_the_copy_of_its_patch_and_notices_another_base(run: Run, tmp_path: Path) -> None:
    found, _ = given(mail(FIX), tmp_path)
    assert found.patch == mail(FIX).encode()
    (tmp_path / "kept").write_bytes(found.patch)
    (tmp_path / "x.patch").write_text("something else")
    again, _ = given(tmp_path / "x.patch", tmp_path, kept=tmp_path / "kept")
    assert again.sources == found.sources != {}
    (tmp_path / "linux" / PGTABLE).write_text(f"\n{MERGED}")
    moved, _ = given(tmp_path / "x.patch", tmp_path, kept=tmp_path / "kept")
    assert moved.sources != found.sources
    names = manifest.sources(Namespace(known=None, header=None), found.sources)
    assert f"{PGTABLE} with the patch" in names


def test_standard_input_is_no_document_on_standard_output(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"nothing")))
    assert main(["run", "example.yaml", "--patch", "-"]) == 2
    assert "--patch -: is not a patch" in capsys.readouterr().err


@pytest.fixture
def natives(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put headers of a kernel into the cache, as its package has them."""
    for arch in ("arm64", "s390x", "x86_64"):
        cache = Cache(default_root(), Progress())
        release = kernels.locked(cache, catalogue.kernel("current"), arch)
        if release is not None:
            _, folder = kernels.headers_package(cache, release)
            if not folder.is_dir():
                tree(folder, MERGED)
                (folder / ASM).parent.mkdir(parents=True)
                (folder / ASM).write_text(HOOKS)


@pytest.mark.usefixtures("natives")
def test_an_architectures_header_is_compiled_natively_where_the_kernel_has_the_mode(tmp_path: Path) -> None:
    values = {"header": None, "patch": str(tmp_path / "x.patch"), "tree": None, "offline": True}
    (tmp_path / "x.patch").write_text(mail(diff(HOOKS, OTHER_HOOKS.replace("isb", "nop"), ASM) + FIX))
    found, selection = header_run.selected(Namespace(**values), Selection(arches=("arm64", "s390x")))
    assert found is not None and found.text is not None
    chosen = {(one.arch, one.impl, one.kernel) for one in units(load(["example.yaml"], Path()), selection)}
    assert chosen == {("arm64", "header", "lts"), ("s390x", "header", "lts"), ("arm64", "native", "current")}
    assert found.native["arm64", "current"] == {
        ASM: OTHER_HOOKS.replace("isb", "nop"),
        PGTABLE: MERGED.replace(NESTED_FLUSH, ""),
    }
    (native,) = found.facts["native"]
    assert (native["machine"], native["driven"], native["not_driven"]) == ("arm64 current", ["emit"], ["pte_other"])
    assert found.facts["not_tested"] == []
    (tmp_path / "x.patch").write_text(mail(diff(HOOKS, OTHER_HOOKS, ASM)))
    found, selection = header_run.selected(Namespace(**values), Selection())
    assert found is not None and found.text is None
    assert {one.impl for one in units(load(["example.yaml"], Path()), selection)} == {"native"}
    found, selection = header_run.selected(Namespace(**{**values, "tree": None}), Selection(kernels=("current",)))
    assert {one.kernel for one in units(load(["example.yaml"], Path()), selection)} == {"current"}


@pytest.mark.usefixtures("natives")
@pytest.mark.parametrize(
    ("after", "flags", "message"),
    [
        (HOOKS.replace("isb", "nop"), [], "is not compiled: no scenario calls pte_other"),
        (OTHER_HOOKS, ["--impl", "header"], f"it changes {ASM}; looked for"),
        (OTHER_HOOKS, ["--arch", "s390x"], f"it changes {ASM}; looked for"),
        (OTHER_HOOKS, ["--kernel", "lts"], "is not compiled: no kernel of the run has a mode of its own"),
        (OTHER_HOOKS.replace("dsb(", "smb("), [], "is not compiled: current (Linux 7.3.4): hunk 1 of 1"),
    ],
)
def test_a_header_of_which_nothing_can_be_driven_is_not_tested(
    run: Run, after: str, flags: list[str], message: str
) -> None:
    before = HOOKS.replace("dsb(", "smb(") if "smb" in after else HOOKS
    status, error = run(mail(diff(before, after, ASM)), *flags)
    assert (status, message in error) == (2, True), error


def test_the_architectures_headers_are_those_of_their_kernels() -> None:
    named = {one.kbuild: one.native_header for one in architectures().values() if one.native_header}
    assert named
    for kbuild, path in named.items():
        assert path.startswith(f"arch/{kbuild}/include/")
    assert line(HEAD, "_MINE_H") == 2
