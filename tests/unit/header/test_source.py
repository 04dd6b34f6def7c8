# SPDX-License-Identifier: GPL-2.0-only
"""The file of the module that a text becomes, and whose mistake it is when that cannot be built."""

from __future__ import annotations

from pathlib import Path

import pytest
from lazymmu.header import source
from lazymmu.header.text import Text, read
from lazymmu.provision.builds import PLAIN
from lazymmu.provision.subprocesses import ToolError
from lazymmu.support.project import MODULE_SOURCE

from tests.headers import EXTENDED, MERGED, OF_7_0, line


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Text:
    monkeypatch.chdir(tmp_path)
    return made(tmp_path, MERGED)


def made(folder: Path, content: str, name: str = "my.h") -> Text:
    (folder / name).write_text(content)
    return read(str(folder / name) if folder != Path.cwd() else name)


def content(text: Text) -> str:
    return source.variant(text).sources[source.FILE].decode()


def refused(text: Text, *output: str) -> str | None:
    error = source.refused(text, ToolError("make", output="\n".join(output)))
    return None if error is None else str(error)


def test_it_takes_the_place_of_a_file_of_the_module(text: Text) -> None:
    assert (MODULE_SOURCE / source.FILE).is_file()
    assert source.variant(text) != PLAIN
    assert list(source.variant(text).sources) == [source.FILE]


def test_the_text_keeps_its_line_numbers_and_stands_between_what_it_needs(text: Text) -> None:
    lines = content(text).split("\n")
    begin = lines.index(f'#line {text.regions[0].first} "text-of-header"')
    assert lines[begin + 1 : begin + 1 + len(text.regions[0].lines)] == list(text.regions[0].lines)
    assert lines.index('#include "header.h"') < begin < lines.index('#include "header_api.h"')


def test_its_functions_have_other_names_than_a_kernels(text: Text, tmp_path: Path) -> None:
    assert "#define lazy_mmu_mode_enable lmm_text_lazy_mmu_mode_enable" in content(text)
    # What it has not got is ours.
    assert "#define is_lazy_mmu_mode_active lmm_header_active" in content(text)
    assert "#define __task_lazy_mmu_mode_pause lmm_header_pause" in content(made(tmp_path, OF_7_0))
    assert "LMM_HEADER_WITH_PTES" not in content(text)
    extended = content(made(tmp_path, EXTENDED))
    assert "#define LMM_HEADER_WITH_PTES" in extended
    # A default for a hook is not compiled where there is the hook.
    assert "#define arch_enter_lazy_mmu_mode_with_ptes" not in extended


def test_the_same_text_elsewhere_is_the_same_build(text: Text, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    assert source.variant(made(tmp_path / "other", MERGED, "yours.h")) == source.variant(text)


def test_a_compilers_messages_are_told_in_the_users_lines(text: Text) -> None:
    number = line(MERGED, "mine->enable_count -= 1")
    said = refused(
        text,
        "In file included from api_header.c:3:",
        "text-of-header: In function 'lmm_text_lazy_mmu_mode_disable':",
        f"text-of-header:{number}:2: error: 'mine' undeclared (first use in this function)",
        "make[2]: *** [Makefile.build:234: header.o] Error 1",
    )
    assert said is not None
    assert said.split("\n")[:4] == [
        "--header my.h: its functions cannot be compiled:",
        f"    my.h:{number}:2: error: 'mine' undeclared (first use in this function)",
        "      \tmine->enable_count -= 1;",
        "      \t^",
    ]


def test_a_message_about_a_macro_of_ours_is_told_with_where_it_is_used(text: Text) -> None:
    said = refused(
        text,
        "/lazymmu/builds/x/header.h:99:8: error: invalid operands",
        "text-of-header:9:3: note: in expansion of macro 'VM_WARN_ON_ONCE'",
    )
    assert said is not None
    assert "    header.h:99:8: error: invalid operands\n    my.h:9:3: note: in expansion" in said


def test_a_text_that_leaves_something_open_is_at_fault_for_the_lines_behind_it(tmp_path: Path) -> None:
    open_one = MERGED.replace(
        "\t\t__task_lazy_mmu_mode_resume(current);\n}", "\t\t__task_lazy_mmu_mode_resume(current);\n"
    )
    said = refused(
        made(tmp_path, open_one), "header_api.h:9:13: error: invalid storage class for function 'header_enable'"
    )
    assert said is not None
    assert f"my.h:{line(MERGED, 'void lazy_mmu_mode_resume')}: error: lazy_mmu_mode_resume() begins here, and" in said


def test_what_a_module_cannot_have_is_told_with_where_it_is_used(text: Text) -> None:
    said = refused(text, 'ERROR: modpost: "arch_flush_lazy_mmu_mode" [lazymmu.ko] undefined!')
    assert said is not None
    assert f"my.h:{line(MERGED, 'arch_flush')}: error: `arch_flush_lazy_mmu_mode` is not there for modules" in said


@pytest.mark.parametrize(
    "output",
    [
        ("gcc: fatal error: Killed signal terminated program cc1", "compilation terminated."),
        ("hook.c:9:3: error: expected ';'",),
        ("include/linux/sched.h:1:1: error: unknown type name",),
        ("text-of-header:9:3: warning: unused variable", "ld: cannot find the disk"),
        ('ERROR: modpost: "printk" [lazymmu.ko] undefined!',),
        (),
    ],
)
def test_what_is_not_about_the_text_stays_what_it_is(text: Text, output: tuple[str, ...]) -> None:
    assert refused(text, *output) is None
