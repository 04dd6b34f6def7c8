# SPDX-License-Identifier: GPL-2.0-only
"""`run --header`: a right text passes everywhere, a slip fails at its step, and a text that is not C is refused."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from lazymmu.header.text import NEEDED
from lazymmu.provision import builds, fast_rebuild
from lazymmu.provision.cache import Cache
from lazymmu.provision.checksum import beside
from lazymmu.provision.keys import default_root, digest
from lazymmu.provision.progress import Progress
from lazymmu.provision.tool_root import path as tool_root
from lazymmu.support.project import LIBRARY, MODULE_SOURCE, ROOT

from tests.documents import missing
from tests.guest import machines
from tests.guest.conftest import Lazymmu, skip_unless_resolved
from tests.headers import EXTENDED, MERGED, NESTED_FLUSH, OF_7_0, V3, V4, line

_ARCH = "s390x"
# Two levels, pauses of the running task and of another one, and contexts
_SOME = ("nesting/two-levels", "pause", "interrupts", "history/xen-pauses-another-task")


def header(folder: Path, text: str) -> str:
    path = folder / "my.h"
    path.write_text(text)
    return str(path)


def test_a_right_text_passes_on_all_architectures_and_is_named_in_the_results(lazymmu: Lazymmu, tmp_path: Path) -> None:
    text = header(tmp_path, MERGED)
    done, document = lazymmu.run(*_SOME, "--header", text, "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert {(result["api"], result["impl"]) for result in document["results"]} == {("merged", "header")}
    assert {result["arch"] for result in document["results"]} == {*machines.ARCHES}
    assert {result["outcome"] for result in document["results"]} <= {"pass", "skip"}
    written = json.loads((tmp_path / "out" / "run.json").read_text())
    assert written["header"] == text
    assert written["sources"][text] == digest([MERGED.encode()])


def test_a_text_with_ranges_passes_and_a_wrong_range_does_not(lazymmu: Lazymmu, tmp_path: Path) -> None:
    scenario = tmp_path / "range.yaml"
    scenario.write_text(
        "description: x\nsteps:\n- enable_with_ptes: {index: 4, count: 2}\n- set_pte: {index: 5, value: 3}\n- disable\n"
    )
    flags = (str(scenario), "--arch", _ARCH, "--header", header(tmp_path, EXTENDED))
    done, document = lazymmu.run("parameters", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {result["api"] for result in document["results"]} == {"with-ptes"}
    header(
        tmp_path, EXTENDED.replace("_with_ptes(mm, addr, end, ptep);", "_with_ptes(mm, addr, end - PAGE_SIZE, ptep);")
    )
    done, document = lazymmu.run(*flags)
    assert done.returncode == 1, done.stdout + done.stderr
    (result,) = document["results"]
    assert f"{scenario}:4:3: step 1 set_pte: " in result["differences"][0]


def test_a_slip_fails_at_its_first_wrong_step_as_the_readme_shows(lazymmu: Lazymmu, tmp_path: Path) -> None:
    assert NESTED_FLUSH in MERGED
    done, document = lazymmu.run("nesting/two-levels", "--header", header(tmp_path, MERGED.replace(NESTED_FLUSH, "")))
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(document["results"]) == len(machines.ARCHES)
    for result in document["results"]:
        assert (result["impl"], result["outcome"]) == ("header", "fail")
        # The end of the inner section, which `lazy` makes.
        place = f"two-levels.yaml:{line((LIBRARY / 'nesting/two-levels.yaml').read_text(), '- lazy')}:"
        assert place in result["differences"][0]
        assert "step 2 disable: hooks: predicted f, observed (none)" in result["differences"][0]
    (again,) = re.findall(r"^ +reproduce: (.*)$", done.stdout, re.MULTILINE)
    once = lazymmu(*shlex.split(again)[1:])
    assert once.returncode == 1, once.stdout + once.stderr
    assert "0 pass, 1 fail, 0 error" in once.stdout
    assert f"see lazy_mmu_mode_disable() in {tmp_path / 'my.h'}:" in once.stdout
    example = re.search(r"```\n(fail .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example
    assert missing(example[1], done.stdout) == [], done.stdout


@pytest.mark.parametrize(
    ("text", "revision"),
    [pytest.param(V3, "v3", marks=pytest.mark.exhaustive, id="v3"), pytest.param(V4, "v4", id="v4")],
)
def test_a_draft_runs_as_its_revision(lazymmu: Lazymmu, tmp_path: Path, text: str, revision: str) -> None:
    some = ("nesting/two-levels", "pause", "interrupts/ignored-in-an-interrupt", "wrap/enable-256-times")
    flags = (*some, "--arch", _ARCH, "--header", header(tmp_path, text))
    done, document = lazymmu.run(*flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {result["api"] for result in document["results"]} == {revision}
    assert document["text"]["driven"] == [*NEEDED]
    header(tmp_path, text.replace("\tVM_WARN_ON(!mine->", "\t(void)(!mine->"))
    done, document = lazymmu.run(*flags)
    assert done.returncode == 1, done.stdout + done.stderr


def test_an_error_of_the_compiler_is_shown_and_an_edit_repairs_it(lazymmu: Lazymmu, tmp_path: Path) -> None:
    text = OF_7_0.replace("mine->enable_count += 1;", "mine->enable_count += one;")
    flags = ("pause", "--arch", _ARCH, "--header")
    done = lazymmu("run", *flags, header(tmp_path, text))
    assert done.returncode == 2, done.stdout + done.stderr
    number = line(text, "+= one")
    assert f"{tmp_path / 'my.h'}:{number}:24: error: 'one' undeclared" in done.stderr
    assert f"{text.split(chr(10))[number - 1]}\n" in done.stderr
    done = lazymmu("run", *flags, header(tmp_path, OF_7_0))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_kernels_own_header_passes_and_with_a_slip_it_does_not(lazymmu: Lazymmu, tmp_path: Path) -> None:
    done, document = lazymmu.run("nesting/single", "--kernel", "current", "--arch", "arm64", "--api", "merged")
    skip_unless_resolved(document)
    assert done.returncode == 0, done.stdout + done.stderr
    root = tool_root(Cache(default_root(), Progress()), "arm64")
    found = [path.read_text() for path in sorted(root.glob("usr/src/linux-headers-*-common/include/linux/pgtable.h"))]
    own = [text for text in found if "lazy_mmu_mode_enable" in text]
    flags = (*_SOME, "--arch", _ARCH, "--header")
    done = lazymmu("run", *flags, header(tmp_path, own[-1]))
    assert done.returncode == 0, done.stdout + done.stderr
    slipped = re.sub(r"\barch_flush_lazy_mmu_mode\(\);", ";", own[-1])
    done = lazymmu("run", *flags, header(tmp_path, slipped))
    assert done.returncode == 1
    assert "disable: hooks" in done.stdout


def test_recorded_commands_give_what_kbuild_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(contents: str) -> bytes:
        # A folder of its own, by a word for make that nothing reads: in the usual one, the build of another process
        # between two of these changes what the next one finds.
        own = builds.Variant(make=("LMM_OWN=recorded",), sources={"api_header.c": contents.encode()})
        path = machines.build(_ARCH, variant=own)
        module = path.read_bytes()
        path.unlink()
        beside(path).unlink()
        return module

    plain = (MODULE_SOURCE / "api_header.c").read_text()
    build(plain)
    # It needs a symbol of the kernel that the module did not need before.
    edited = f"{plain}\nvoid lmm_{tmp_path.name}(void);\nvoid lmm_{tmp_path.name}(void)\n{{\n\tdump_stack();\n}}\n"
    done: list[bool] = []
    rebuilt = fast_rebuild._replay

    def noted(*given: Any) -> bool:
        done.append(rebuilt(*given))
        return done[-1]

    with monkeypatch.context() as patch:
        patch.setattr(fast_rebuild, "_replay", noted)
        first = build(edited)
        assert first != build(plain)
    assert done == [True, True]
    monkeypatch.setattr(fast_rebuild, "_replay", lambda *_: False)
    assert build(edited) == first
