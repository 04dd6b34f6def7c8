# SPDX-License-Identifier: GPL-2.0-only
"""Commands that kbuild recorded make what changed, and nothing else; what they cannot make is left to kbuild."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lazymmu.provision import fast_rebuild, recorded_commands
from lazymmu.provision.subprocesses import ToolError

SOURCES = {"Kbuild": "obj-m := m.o", "a.c": "one", "b.c": "two"}
# In place of the compiler, the linker and modpost; a source with "wrong" in it is refused, as gcc does it.
RECORDED = {
    "a.o": "grep -v wrong a.c > a.o || { echo 'a.c:1:1: error: wrong' >&2; exit 1; }; echo '#' '$HOME' >> a.o",
    "b.o": "cp b.c b.o; echo b >> log",
    "m.o": "cat a.o b.o > m.o",
    "Module.symvers": "grep -o needs_.* m.o > m.mod.c || true",
    "m.mod.o": "cp m.mod.c m.mod.o; echo m.mod >> log",
    "m.ko": 'echo "$SRCARCH" | cat - m.o m.mod.o > m.ko',
}


def run(script: str) -> None:
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError("sh", output=done.stdout + done.stderr)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder in which kbuild made a module."""
    work = tmp_path / "work"
    with fast_rebuild.folder(work, sources()):
        for made, command in RECORDED.items():
            escaped = command.replace("$", "$$").replace("#", "$(pound)")
            (work / f".{made}.cmd").write_text(f"savedcmd_{work}/{made} := {escaped}\n\nsource_x := x\n")
            run(f"cd {work}; {command}")
        (work / ".where").write_text(f"x86 {work}\n")
        (work / "log").unlink()
    return work


def sources(**edits: str) -> dict[Path, bytes]:
    return {
        Path(name): text.encode() for name, text in {**SOURCES, **{f"{name}.c": edits[name] for name in edits}}.items()
    }


def rebuilt(work: Path, files: dict[Path, bytes]) -> bool:
    return recorded_commands.rebuilt(work, str(work), files, "m", run)


def log(work: Path) -> str:
    return (work / "log").read_text() if (work / "log").exists() else ""


def test_what_changed_is_made_and_nothing_else(work: Path) -> None:
    assert rebuilt(work, sources(a="three"))
    assert (work / "m.ko").read_text() == "x86\nthree\n# $HOME\ntwo"
    assert log(work) == ""
    assert rebuilt(work, sources(a="three", b="four"))
    assert (work / "m.ko").read_text() == "x86\nthree\n# $HOME\nfour"


def test_another_symbol_of_the_kernel_comes_into_the_module(work: Path) -> None:
    assert rebuilt(work, sources(a="needs_this"))
    assert log(work) == "m.mod\n"
    assert (work / "m.ko").read_text() == "x86\nneeds_this\n# $HOME\ntwoneeds_this\n"


def test_a_source_that_comes_or_goes_is_left_to_kbuild(work: Path) -> None:
    files = sources(a="three")
    assert not rebuilt(work, {**files, Path("c.c"): b"new"})
    del files[Path("b.c")]
    assert not rebuilt(work, files)


def test_a_refused_file_is_told_and_costs_nothing_else(work: Path) -> None:
    for _ in range(2):
        with pytest.raises(ToolError) as caught:
            rebuilt(work, sources(a="wrong"))
        assert "a.c:1:1: error: wrong" in caught.value.output
    assert rebuilt(work, sources())
    assert log(work) == ""


def test_what_fails_otherwise_is_kbuilds_from_the_beginning(work: Path) -> None:
    (work / ".m.ko.cmd").write_text("savedcmd_m.ko := false\n")
    assert not rebuilt(work, sources(a="three"))
    assert fast_rebuild.changed(work, sources(a="four")) == []


@pytest.mark.parametrize("lost", [".where", ".a.o.cmd", ".m.mod.o.cmd", ".whole"])
def test_what_was_not_recorded_is_kbuilds(work: Path, lost: str) -> None:
    (work / lost).unlink()
    assert not rebuilt(work, sources(a="three"))


def test_so_is_a_build_of_other_files(work: Path) -> None:
    assert not rebuilt(work, {**sources(a="three"), Path("Kbuild"): b"other"})
    assert not rebuilt(work, {**sources(), Path("new.c"): b"new"})
    assert not rebuilt(work, sources())
    (work / ".m.ko.cmd").write_text("cmd_m.ko = true\n")
    assert not rebuilt(work, sources(a="three"))
