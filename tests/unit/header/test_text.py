# SPDX-License-Identifier: GPL-2.0-only
"""What is made of a file that --header names: its revision, or what was looked for in it and where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lazymmu.header.text import NEEDED, OF_TASKS, WITH_PTES, HeaderError, Text, read, revisions
from lazymmu.support.errors import UsageError

from tests.headers import EXTENDED, HEAD, IFDEF, MERGED, OF_7_0, TAIL, line


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read_text(folder: Path, text: str) -> Text:
    (folder / "my.h").write_text(text)
    return read("my.h")


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(HeaderError) as caught:
        read_text(folder, text)
    return str(caught.value)


def test_the_functions_stand_in_one_region_and_make_the_revision(here: Path) -> None:
    found = read_text(here, MERGED)
    assert found.revision == "merged"
    assert found.functions == {*NEEDED, *OF_TASKS}
    (region,) = found.regions
    assert region.first == line(MERGED, IFDEF) + 1
    assert region.lines == tuple(MERGED.split("\n")[region.first - 1 : line(MERGED, TAIL) - 1])


def test_enable_with_ptes_makes_another_revision_and_7_0_lacks_what_is_not_needed(here: Path) -> None:
    assert read_text(here, EXTENDED).revision == "with-ptes"
    assert WITH_PTES in read_text(here, EXTENDED).functions
    assert read_text(here, OF_7_0).functions == {*NEEDED}


def test_the_other_way_round_and_in_two_parts(here: Path) -> None:
    inner = MERGED.split(IFDEF)[1].split(TAIL)[0]
    turned = (
        f"{IFDEF.replace('ifdef', 'ifndef')}static inline void lazy_mmu_mode_enable(void) {{}}\n#else\n{inner}#endif\n"
    )
    assert read_text(here, turned).functions == {*NEEDED, *OF_TASKS}
    middle = inner.index("static inline void __task")
    parts = f"{IFDEF}{inner[:middle]}#endif\n#ifdef CONFIG_MMU\n{IFDEF}{inner[middle:]}#endif\n#endif\n"
    assert read_text(here, parts).functions == {*NEEDED, *OF_TASKS}


def test_lines_that_end_as_on_other_systems_are_the_same(here: Path) -> None:
    (here / "my.h").write_bytes(MERGED.replace("\n", "\r\n").encode())
    assert read("my.h").regions == read_text(here, MERGED).regions


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("int a;\n\0", "my.h:2: not a text (a byte of 0)"),
        (MERGED.replace("#endif\n#endif", "#endif"), "my.h:2: `#ifndef _MINE_H` has no #endif"),
        (MERGED + "#endif\n", f"my.h:{MERGED.count(chr(10)) + 1}: #endif without #if"),
        (MERGED + "/* more", f"my.h:{MERGED.count(chr(10)) + 1}: a comment that begins here has no end"),
    ],
)
def test_what_is_no_header_is_refused_with_its_line(here: Path, text: str, says: str) -> None:
    assert f"--header {says}" in refusal(here, text).replace("--header my.h: is", "--header is")


def test_another_header_lacks_the_functions_and_it_is_said_which_and_where_they_were_looked_for(here: Path) -> None:
    said = refusal(here, f"{HEAD}#endif\n")
    assert "--header my.h: has none of the lazy-MMU functions; looked for lazy_mmu_mode_enable(), " in said
    assert "under `#ifdef CONFIG_ARCH_HAS_LAZY_MMU_MODE`, which it has not got" in said
    assert "include/linux/pgtable.h of Linux 7.0 or later" in said
    said = refusal(here, f"{IFDEF}static inline bool is_lazy_mmu_mode_active(void)\n{{\n\treturn true;\n}}\n#endif\n")
    assert "has none of the lazy-MMU functions" in said
    assert "what stands there begins at line 2" in said


@pytest.mark.parametrize(
    "old",
    [
        "#ifndef __HAVE_ARCH_ENTER_LAZY_MMU_MODE\n#define arch_enter_lazy_mmu_mode()\tdo {} while (0)\n#endif\n",
        "static inline void arch_enter_lazy_mmu_mode(void) {}\n",
    ],
)
def test_a_header_from_before_7_0_is_told_from_another_file(here: Path, old: str) -> None:
    said = refusal(here, f"{HEAD}{old}#endif\n")
    assert "--header my.h:4: from before Linux 7.0: `" in said
    assert "no lazy_mmu_mode_enable(); looked for" in said


def test_functions_without_the_condition_are_not_taken(here: Path) -> None:
    said = refusal(here, MERGED.replace(IFDEF, "#ifdef CONFIG_MMU\n"))
    enable = line(MERGED, "static inline void lazy_mmu_mode_enable")
    assert f"--header my.h:{enable}: lazy_mmu_mode_enable() does not stand under `#ifdef CONFIG_ARCH_HAS" in said


@pytest.mark.parametrize("name", [*NEEDED, *OF_TASKS])
def test_of_half_of_the_functions_those_that_are_missing_are_named(here: Path, name: str) -> None:
    said = refusal(here, MERGED.replace(f"void {name}(", f"void my_{name}("))
    assert f"--header my.h: {name}() is missing: of the lazy-MMU functions only lazy_mmu_mode_" in said
    assert f"at line {line(MERGED, IFDEF) + 1}" in said


def test_a_function_whose_body_is_elsewhere_is_missing(here: Path) -> None:
    begin = MERGED.index("static inline void lazy_mmu_mode_resume")
    text = f"{MERGED[:begin]}void lazy_mmu_mode_resume(void);\n{TAIL}"
    assert (
        f"lazy_mmu_mode_resume() (only declared, at line {line(text, 'void lazy_mmu_mode_resume')}) is missing"
        in refusal(here, text)
    )


@pytest.mark.parametrize(
    ("field", "of"), [("nesting_level", "is that of v4"), ("count", "is that of proposal"), ("x", "no revision has")]
)
def test_another_state_is_refused_by_the_field_and_its_line(here: Path, field: str, of: str) -> None:
    text = MERGED.replace("mine->enable_count -= 1", f"mine->{field} -= 1")
    said = refusal(here, text)
    assert (
        f"--header my.h:{line(text, f'mine->{field}')}: its functions use `{field}` of a task's state, which {of}"
        in said
    )
    assert "Linux 7.0 and later have enable_count and pause_count" in said


def test_what_is_not_a_file_is_named(here: Path) -> None:
    os.mkfifo(here / "pipe")
    (here / "big.h").write_bytes(b" x" * 3_000_000)
    for name, says in {
        ".": "a folder",
        "pipe": "not a file",
        "no.h": "cannot be read: No such file",
        "a\0b": "cannot be read",
        "big.h": "more than",
    }.items():
        with pytest.raises(UsageError, match=says):
            read(name)


def test_it_can_be_run_as_what_its_functions_are(here: Path) -> None:
    merged, extended = read_text(here, MERGED), read_text(here, EXTENDED)
    assert revisions(merged, ()) == revisions(merged, ("all",)) == revisions(merged, ("merged",)) == ("merged",)
    assert revisions(extended, ()) == ("with-ptes",)
    assert revisions(extended, ("merged",)) == ("merged",)
    assert revisions(extended, ("all",)) == ("merged", "with-ptes")
    with pytest.raises(UsageError, match=r"it has no lazy_mmu_mode_enable_with_ptes\(\)"):
        revisions(merged, ("with-ptes",))
    with pytest.raises(UsageError, match=r"its state is enable_count and pause_count, that of amended is count and"):
        revisions(extended, ("amended",))
