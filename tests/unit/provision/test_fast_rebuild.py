# SPDX-License-Identifier: GPL-2.0-only
"""A build finds the objects of what did not change, and nothing else of the build before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lazymmu.provision import fast_rebuild
from lazymmu.provision.subprocesses import ToolError

SOURCES = {"Kbuild": "obj-m := m.o", "a.c": "int a;", "b.c": "int b;", "m.h": "#define M"}


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name, text in SOURCES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def work(source: Path, tmp_path: Path) -> Path:
    """A folder in which a build came to its end."""
    work = tmp_path / "builds" / "work"
    with fast_rebuild.folder(work, fast_rebuild.files(source, {})):
        for name in ("a.o", "b.o", ".a.o.cmd", ".b.o.cmd", "m.o", "m.ko", "Module.symvers"):
            (work / name).write_text(f"of the first build: {name}")
    return work


def found(work: Path, source: Path) -> set[str]:
    """Return what a build finds beside the sources."""
    with fast_rebuild.folder(work, fast_rebuild.files(source, {})):
        sources = files(source)
        assert {name: (work / name).read_text() for name in sources} == {
            name: (source / name).read_text() for name in sources
        }
        return files(work) - sources


def test_the_first_build_finds_the_sources_alone(tmp_path: Path, source: Path) -> None:
    assert found(tmp_path / "builds" / "new", source) == set()


def test_objects_of_files_that_did_not_change_are_kept_and_nothing_that_was_linked(work: Path, source: Path) -> None:
    (source / "b.c").write_text("int b = 1;")
    assert found(work, source) == {"a.o", ".a.o.cmd"}


@pytest.mark.parametrize("name", ["m.h", "Kbuild"])
def test_what_every_object_may_come_from_leaves_none(work: Path, source: Path, name: str) -> None:
    (source / name).write_text("another")
    assert found(work, source) == set()


def test_a_file_that_went_takes_its_object_along(work: Path, source: Path) -> None:
    (source / "a.c").unlink()
    assert found(work, source) == {"b.o", ".b.o.cmd"}


def test_a_new_file_costs_the_others_nothing(work: Path, source: Path) -> None:
    (source / "c.c").write_text("int c;")
    assert found(work, source) == {"a.o", ".a.o.cmd", "b.o", ".b.o.cmd"}


def test_a_build_that_failed_leaves_nothing(work: Path, source: Path) -> None:
    with pytest.raises(RuntimeError, match="compiler"), fast_rebuild.folder(work, fast_rebuild.files(source, {})):
        raise RuntimeError("compiler")
    assert found(work, source) == set()


@pytest.mark.parametrize("name", ["a.c", "a.o", ".a.o.cmd", "m.mod.c", ".whole"])
def test_a_folder_in_which_anything_was_changed_is_not_believed(work: Path, source: Path, name: str) -> None:
    (work / name).write_text("int a = 2;")
    assert found(work, source) == set()


def test_an_object_that_is_not_of_the_source_beside_it_is_not_believed(work: Path, source: Path) -> None:
    # As when somebody else builds in a folder that shares its files with this one.
    (source / "a.c").write_text("int wrong;")
    with fast_rebuild.folder(work, fast_rebuild.files(source, {})):
        (work / "a.o").write_text("of the wrong one")
    (work / "a.c").write_text(SOURCES["a.c"])
    (source / "a.c").write_text(SOURCES["a.c"])
    assert fast_rebuild.changed(work, fast_rebuild.files(source, {})) == []
    assert found(work, source) == set()


def test_a_build_that_refused_a_file_leaves_the_objects_of_the_others(work: Path, source: Path) -> None:
    (source / "b.c").write_text("int b")
    with pytest.raises(ToolError), fast_rebuild.folder(work, fast_rebuild.files(source, {})):
        raise ToolError("make", output="b.c:1:6: error: expected ';'")
    assert found(work, source) == {"a.o", ".a.o.cmd"}
    with pytest.raises(ToolError), fast_rebuild.folder(work, fast_rebuild.files(source, {})):
        raise ToolError("make", output="cc1: killed")
    assert found(work, source) == set()


def test_a_builds_own_file_takes_the_place_of_the_sources(work: Path, source: Path) -> None:
    with fast_rebuild.folder(work, fast_rebuild.files(source, {"b.c": b"int own;", "c.c": b""})):
        assert (work / "b.c").read_bytes() == b"int own;"
        assert {"c.c", "a.o"} < files(work)
        assert "b.o" not in files(work)
