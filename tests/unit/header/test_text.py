# SPDX-License-Identifier: GPL-2.0-only
"""The file of --header: its revision, or why it is refused."""

import os
import re
from pathlib import Path

import pytest
from lazymmu.header.text import NEEDED, OF_TASKS, WITH_PTES, HeaderError, Text, read, revisions
from lazymmu.support.errors import UsageError

from tests.headers import AMENDED, EXTENDED, HEAD, IFDEF, MERGED, OF_7_0, PROPOSAL, TAIL, V3, V4, line


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def text(content: str) -> Text:
    Path("my.h").write_bytes(content.encode())
    return read("my.h")


def refusal(content: str) -> str:
    with pytest.raises(HeaderError) as caught:
        text(content)
    return str(caught.value)


def test_the_functions_of_the_region_make_the_revision() -> None:
    found = text(MERGED)
    assert found.revision == "merged"
    assert found.functions == {*NEEDED, *OF_TASKS}
    (region,) = found.regions
    assert region.first == line(MERGED, IFDEF) + 1
    assert region.lines == tuple(MERGED.split("\n")[region.first - 1 : line(MERGED, TAIL) - 1])
    assert text(EXTENDED).revision == "with-ptes"
    assert WITH_PTES in text(EXTENDED).functions
    assert text(OF_7_0).functions == {*NEEDED}


def test_the_functions_may_be_in_an_else_and_in_two_regions() -> None:
    inner = MERGED.split(IFDEF)[1].split(TAIL)[0]
    empty = "static inline void lazy_mmu_mode_enable(void) {}\n"
    assert text(f"{IFDEF.replace('ifdef', 'ifndef')}{empty}#else\n{inner}#endif\n").functions == {*NEEDED, *OF_TASKS}
    middle = inner.index("static inline void __task")
    parts = f"{IFDEF}{inner[:middle]}#endif\n#ifdef CONFIG_MMU\n{IFDEF}{inner[middle:]}#endif\n#endif\n"
    assert text(parts).functions == {*NEEDED, *OF_TASKS}


@pytest.mark.parametrize(
    ("content", "own", "possible"),
    [
        (PROPOSAL, "proposal", ("proposal", "v3")),
        (AMENDED, "amended", ("proposal", "amended", "v3")),
        (V3, "v3", ("proposal", "v3")),
        (V4, "v4", ("v4",)),
    ],
)
def test_a_draft_is_the_revision_of_its_state_and_checks(content: str, own: str, possible: tuple[str, ...]) -> None:
    found = text(content)
    assert (found.revision, found.possible) == (own, possible)
    assert revisions(found, ()) == revisions(found, ("all",)) == (own,)
    assert revisions(found, possible) == possible
    with pytest.raises(UsageError, match=f"its state is {' and '.join(found.state)}, that of merged is enable_count"):
        revisions(found, ("merged",))


@pytest.mark.parametrize("name", ["lazy_mmu_mode_enable_pte", "lazy_mmu_mode_enable_for_pte_range"])
def test_an_earlier_name_of_enable_with_ptes_is_known(name: str) -> None:
    assert text(EXTENDED.replace(f" {WITH_PTES}(", f" {name}(")).with_ptes == name
    assert text(EXTENDED).with_ptes == WITH_PTES
    assert text(MERGED).with_ptes is None


def test_lines_may_end_as_on_other_systems() -> None:
    assert text(MERGED.replace("\n", "\r\n")).regions == text(MERGED).regions


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", " is empty"),
        (" \n\n", " is empty"),
        ("int a;\n\0", "2: not a text (byte 0x00)"),
        (MERGED.replace("#endif\n#endif", "#endif"), "2: `#ifndef _MINE_H` has no #endif"),
        (MERGED + "#endif\n", f"{MERGED.count(chr(10)) + 1}: #endif without #if"),
    ],
)
def test_another_file_is_refused_with_its_line(content: str, message: str) -> None:
    assert f"--header my.h:{message}" in refusal(content)


def test_a_header_without_the_functions_is_refused_with_what_was_searched_for() -> None:
    message = refusal(f"{HEAD}#endif\n")
    assert "--header my.h: has none of the lazy-MMU functions; searched for lazy_mmu_mode_enable(), " in message
    assert "under `#ifdef CONFIG_ARCH_HAS_LAZY_MMU_MODE`, which it does not have" in message
    assert "include/linux/pgtable.h of Linux 7.0 or later" in message
    other = "static inline bool is_lazy_mmu_mode_active(void)\n{\n\treturn true;\n}\n"
    assert "which begins at line 2" in refusal(f"{IFDEF}{other}#endif\n")


@pytest.mark.parametrize(
    "old",
    [
        "#ifndef __HAVE_ARCH_ENTER_LAZY_MMU_MODE\n#define arch_enter_lazy_mmu_mode()\tdo {} while (0)\n#endif\n",
        "static inline void arch_enter_lazy_mmu_mode(void) {}\n",
    ],
)
def test_a_header_from_before_7_0_is_refused_as_that(old: str) -> None:
    assert "--header my.h:4: from before Linux 7.0: it has `" in refusal(f"{HEAD}{old}#endif\n")


def test_functions_outside_the_condition_are_refused() -> None:
    message = refusal(MERGED.replace(IFDEF, "#ifdef CONFIG_MMU\n"))
    enable = line(MERGED, "static inline void lazy_mmu_mode_enable")
    assert f"--header my.h:{enable}: lazy_mmu_mode_enable() is not under `#ifdef CONFIG_ARCH_HAS" in message


@pytest.mark.parametrize("name", [*NEEDED, *OF_TASKS])
def test_a_missing_function_is_named(name: str) -> None:
    message = refusal(MERGED.replace(f"void {name}(", f"void my_{name}("))
    assert f"--header my.h: {name}() is missing: of the lazy-MMU functions only lazy_mmu_mode_" in message
    assert f"at line {line(MERGED, IFDEF) + 1}" in message


def test_a_function_without_a_body_is_missing() -> None:
    begin = MERGED.index("static inline void lazy_mmu_mode_resume")
    content = f"{MERGED[:begin]}void lazy_mmu_mode_resume(void);\n{TAIL}"
    declared = line(content, "void lazy_mmu_mode_resume")
    assert f"lazy_mmu_mode_resume() (only declared, at line {declared}) is missing" in refusal(content)


@pytest.mark.parametrize(
    ("field", "owner"),
    [("nesting_level", "is that of v4"), ("count", "is that of proposal"), ("x", "no revision has")],
)
def test_another_state_of_a_task_is_refused_with_the_line_of_its_field(field: str, owner: str) -> None:
    content = MERGED.replace("mine->enable_count -= 1", f"mine->{field} -= 1")
    number = line(content, f"mine->{field}")
    message = f"--header my.h:{number}: its functions use `{field}` of a task's state, which {owner}"
    assert message in refusal(content)


def test_a_path_that_is_not_a_file_is_refused() -> None:
    os.mkfifo("pipe")
    Path("big.h").write_bytes(b" x" * 3_000_000)
    for name, message in {
        ".": "a directory",
        "pipe": "a FIFO",
        "no.h": "cannot be read: No such file",
        "big.h": "more than",
    }.items():
        with pytest.raises(UsageError, match=message):
            read(name)


def test_a_header_runs_as_the_revisions_whose_functions_it_has() -> None:
    merged, extended = text(MERGED), text(EXTENDED)
    assert revisions(merged, ()) == revisions(merged, ("all",)) == revisions(merged, ("merged",)) == ("merged",)
    assert revisions(extended, ()) == ("with-ptes",)
    assert revisions(extended, ("merged",)) == ("merged",)
    assert revisions(extended, ("all",)) == ("merged", "with-ptes")
    with pytest.raises(UsageError, match=re.escape("it has no lazy_mmu_mode_enable_with_ptes()")):
        revisions(merged, ("with-ptes",))
    with pytest.raises(UsageError, match="its state is enable_count and pause_count, that of amended is count and"):
        revisions(extended, ("amended",))
