# SPDX-License-Identifier: GPL-2.0-only
"""The file of the module that contains a text, and whether the text is why a build failed."""

from pathlib import Path

import pytest
from lazymmu.header import source
from lazymmu.header.text import Text, read
from lazymmu.provision.subprocesses import ToolError
from lazymmu.support.project import MODULE_SOURCE

from tests.headers import EXTENDED, MERGED, OF_7_0, V4, line


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def text(content: str = MERGED, name: str = "my.h") -> Text:
    Path(name).write_text(content)
    return read(name)


def content(text: Text) -> str:
    return source.variant(text).sources[source.FILE].decode()


def refused(text: Text, *output: str) -> str:
    return str(source.refused(text, ToolError("make", output="\n".join(output))))


def test_the_text_keeps_its_line_numbers_between_the_two_ends() -> None:
    assert (MODULE_SOURCE / source.FILE).is_file()
    lines, region = content(text()).split("\n"), text().regions[0]
    begin = lines.index(f'#line {region.first} "text-of-header"')
    assert lines[begin + 1 : begin + 1 + len(region.lines)] == list(region.lines)
    assert lines.index('#include "header.h"') < begin < lines.index('#include "header_api.h"')


def test_its_functions_get_other_names_than_the_kernels_and_missing_ones_are_the_modules() -> None:
    assert "#define lazy_mmu_mode_enable lmm_text_lazy_mmu_mode_enable" in content(text())
    assert "#define is_lazy_mmu_mode_active lmm_header_active" in content(text())
    assert "#define __task_lazy_mmu_mode_pause lmm_header_pause" in content(text(OF_7_0))
    assert "LMM_HEADER_WITH_PTES" not in content(text())
    extended = content(text(EXTENDED))
    assert "#define LMM_HEADER_WITH_PTES" in extended
    # The text's default for a hook is not compiled where the hook exists.
    assert "#define arch_enter_lazy_mmu_mode_with_ptes" not in extended


def test_the_module_gets_the_state_and_the_revisions_of_the_text() -> None:
    both = '#define LMM_HEADER_REVISIONS REVISION("merged") REVISION_WITH_PTES("with-ptes")\n'
    assert both in content(text(EXTENDED))
    assert "#define LMM_HEADER_STATE lmm_merged_state\n" in content(text(EXTENDED))
    draft = content(text(V4))
    assert "lmm_v4_state\n#define LMM_HEADER_FIRST nesting_level\n#define LMM_HEADER_SECOND active\n" in draft
    assert '#define LMM_HEADER_REVISIONS REVISION("v4")\n' in draft
    assert ("LMM_HEADER_TASKS" in content(text())) > ("LMM_HEADER_TASKS" in draft)


def test_an_earlier_name_of_enable_with_ptes_is_called_by_the_later() -> None:
    earlier = content(text(EXTENDED.replace("lazy_mmu_mode_enable_with_ptes", "lazy_mmu_mode_enable_pte")))
    assert "#define lazy_mmu_mode_enable_with_ptes lmm_text_lazy_mmu_mode_enable_pte\n" in earlier


def test_the_same_text_elsewhere_is_the_same_build() -> None:
    assert source.variant(text(name="yours.h")) == source.variant(text())


def test_the_compilers_messages_show_the_users_lines() -> None:
    number = line(MERGED, "mine->enable_count -= 1")
    message = refused(
        text(),
        "In file included from api_header.c:3:",
        "text-of-header: In function 'lmm_text_lazy_mmu_mode_disable':",
        f"text-of-header:{number}:2: error: 'mine' undeclared (first use in this function)",
        "make[2]: *** [Makefile.build:234: header.o] Error 1",
    )
    assert message.split("\n")[:4] == [
        "--header my.h: its functions cannot be compiled:",
        f"    my.h:{number}:2: error: 'mine' undeclared (first use in this function)",
        "      \tmine->enable_count -= 1;",
        "      \t^",
    ]


def test_a_message_about_a_macro_of_the_module_says_where_the_text_uses_it() -> None:
    message = refused(
        text(),
        "/lazymmu/builds/x/header.h:99:8: error: invalid operands",
        "text-of-header:9:3: note: in expansion of macro 'VM_WARN_ON_ONCE'",
    )
    assert "    header.h:99:8: error: invalid operands\n    my.h:9:3: note: in expansion" in message


def test_an_error_after_the_text_names_the_function_that_the_text_leaves_open() -> None:
    end = "\t\t__task_lazy_mmu_mode_resume(current);\n"
    message = refused(
        text(MERGED.replace(f"{end}}}", end)),
        "header_api.h:9:13: error: invalid storage class for function 'header_enable'",
    )
    assert (
        f"my.h:{line(MERGED, 'void lazy_mmu_mode_resume')}: error: lazy_mmu_mode_resume() begins here, and" in message
    )


def test_a_symbol_that_modules_cannot_use_is_reported_with_its_line() -> None:
    message = refused(text(), 'ERROR: modpost: "arch_flush_lazy_mmu_mode" [lazymmu.ko] undefined!')
    number = line(MERGED, "arch_flush")
    assert f"my.h:{number}: error: `arch_flush_lazy_mmu_mode` is not available to modules" in message


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
def test_another_failure_is_not_the_texts(output: tuple[str, ...]) -> None:
    assert refused(text(), *output) == "None"
