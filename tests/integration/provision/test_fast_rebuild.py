# SPDX-License-Identifier: GPL-2.0-only
"""The second build of a module makes what changed and nothing else, and gives what a build from nothing gives."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from lazymmu.provision import fast_rebuild
from lazymmu.provision.subprocesses import ToolError

SOURCES = {"Kbuild": "obj-m := m.o", "m.h": "h", "a.c": "one", "b.c": "two"}
# In place of the compiler, the linker and modpost. A source with "wrong" in it is refused as gcc does it.
RECORDED = {
    "a.o": "grep -v wrong a.c > a.o || { echo 'a.c:1:1: error: wrong' >&2; exit 1; }; echo '#' '$HOME' >> a.o",
    "b.o": "cp b.c b.o; echo b.o >> ../log",
    "m.o": "cat a.o b.o > m.o",
    "Module.symvers": "grep -o needs_.* m.o > m.mod.c || true",
    "m.mod.o": "cp m.mod.c m.mod.o; echo m.mod.o >> ../log",
    "m.ko": 'echo "$SRCARCH" | cat - m.o m.mod.o > m.ko',
}
# It makes the objects that are missing, then the rest, and records the commands.
KBUILD = "cd {work}; test -e a.o || {{ {a}; }}; test -e b.o || {{ {b}; }}; {rest}; {records}; echo kbuild >> ../log"


def make(work: Path) -> list[str]:
    def record(made: str, command: str) -> str:
        escaped = command.replace("$", "$$").replace("#", "$(pound)")
        return f"cat >.{made}.cmd <<'END'\nsavedcmd_{work}/{made} := {escaped}\n\nsource_x := x\nEND\ntrue"

    records = "; ".join(record(made, command) for made, command in RECORDED.items())
    commands = list(RECORDED.values())
    text = KBUILD.format(
        work=work, a=commands[0], b=commands[1], rest="; ".join(["SRCARCH=x86", *commands[2:]]), records=records
    )
    return ["sh", "-ec", f"{text}; echo x86 {work} > .where"]


def run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError("sh", output=done.stdout + done.stderr)


class Builder:
    """Builds in one folder."""

    def __init__(self, folder: Path) -> None:
        self.work = folder / "work"
        self._log = folder / "log"

    def __call__(self, **edits: str) -> str:
        """Build the sources with these edits. Return what was made, in order."""
        texts = {**SOURCES, **{name.replace("_", "."): text for name, text in edits.items()}}
        files = {Path(name): text.encode() for name, text in texts.items()}
        self._log.write_text("")
        fast_rebuild.build(self.work, str(self.work), files, "m", make(self.work), run)
        return " ".join(self._log.read_text().split())

    @property
    def module(self) -> str:
        return (self.work / "m.ko").read_text()


@pytest.fixture
def build(tmp_path: Path) -> Builder:
    """Return a builder that has built the sources once."""
    builder = Builder(tmp_path)
    assert builder() == "b.o m.mod.o kbuild"
    return builder


def test_edited_c_files_are_made_by_the_recorded_commands(build: Builder) -> None:
    assert build(a_c="three") == ""
    assert build.module == "x86\nthree\n# $HOME\ntwo"
    assert build(a_c="three", b_c="four") == "b.o"
    assert build.module == "x86\nthree\n# $HOME\nfour"


def test_a_new_symbol_of_the_kernel_comes_into_the_module(build: Builder) -> None:
    assert build(a_c="needs_this") == "m.mod.o"
    assert build.module == "x86\nneeds_this\n# $HOME\ntwoneeds_this\n"


@pytest.mark.parametrize("edits", [{"m_h": "other"}, {"Kbuild": "other"}, {"m_h": "other", "a_c": "three"}])
def test_an_edited_header_or_makefile_keeps_no_object(build: Builder, edits: dict[str, str]) -> None:
    assert build(**edits) == "b.o m.mod.o kbuild"


@pytest.mark.parametrize("edits", [{}, {"a_c": "three"}])
def test_a_header_that_went_keeps_no_object(build: Builder, edits: dict[str, str]) -> None:
    build(extra_h="in place of the kernel's")
    assert build(**edits) == "b.o m.mod.o kbuild"
    assert not (build.work / "extra.h").exists()


def test_kbuild_finds_the_other_objects_when_a_file_comes_or_goes(build: Builder) -> None:
    assert build(a_c="three", c_c="new") == "m.mod.o kbuild"
    assert build(a_c="four") == "m.mod.o kbuild"
    assert not (build.work / "c.c").exists()
    assert build.module == "x86\nfour\n# $HOME\ntwo"


def test_a_refused_file_costs_the_others_nothing(build: Builder) -> None:
    for _ in range(2):
        with pytest.raises(ToolError) as caught:
            build(a_c="wrong")
        assert "a.c:1:1: error: wrong" in caught.value.output
    assert build() == ""
    assert build.module == "x86\none\n# $HOME\ntwo"


def test_kbuild_keeps_the_objects_of_a_build_with_a_refused_file(build: Builder) -> None:
    with pytest.raises(ToolError):
        build(m_h="other", a_c="wrong")
    # kbuild stopped at a.c, so b.c has no object yet.
    assert build(m_h="other") == "b.o m.mod.o kbuild"
    with pytest.raises(ToolError):
        build(m_h="other", a_c="wrong", c_c="new")
    assert build(m_h="other") == "m.mod.o kbuild"


def test_after_any_other_failure_kbuild_makes_everything(build: Builder) -> None:
    record = build.work / ".m.ko.cmd"
    record.write_text("savedcmd_m.ko := false\n")
    (build.work / ".complete").write_text(fast_rebuild._state(build.work))
    assert build(a_c="three") == "b.o m.mod.o kbuild"


@pytest.mark.parametrize("name", ["a.c", "a.o", ".a.o.cmd", "m.mod.c", ".complete"])
def test_a_folder_that_anybody_changed_is_not_used(build: Builder, name: str) -> None:
    (build.work / name).write_text("one ")
    assert build(a_c="three") == "b.o m.mod.o kbuild"


@pytest.mark.parametrize("lost", [".where", ".a.o.cmd", ".m.mod.o.cmd"])
def test_without_a_record_kbuild_makes_the_edited_file(build: Builder, lost: str) -> None:
    (build.work / lost).unlink()
    (build.work / ".complete").write_text(fast_rebuild._state(build.work))
    assert build(a_c="three") == "m.mod.o kbuild"
