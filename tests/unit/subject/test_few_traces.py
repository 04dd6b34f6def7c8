# SPDX-License-Identifier: GPL-2.0-only
"""The table "A few traces" of docs/semantics.md, cell by cell."""

from __future__ import annotations

import pytest

from .notation import final_state, play

#: Operations -> hooks under proposal, amended without and with the optional hooks, merged.
FEW_TRACES = {
    "E E D D": ("efl", "efl", "efl", "efl"),
    "E E P R D D": ("elefl", "elefl", "eprfl", "elefl"),
    "E P P R R D": ("elleel", "elleel", "epprrl", "elel"),
    "P R": ("le", "le", "pr", ""),
    "D": ("f", "f", "f", "f"),
}

COLUMNS = (
    ("proposal", ("arm64", "s390x", "x86_64")),
    ("amended", ("arm64", "x86_64")),
    ("amended", ("s390x",)),
    ("merged", ("arm64", "s390x", "x86_64")),
)

#: Revisions that the table leaves out -> the one whose column is theirs, on every architecture ("as `proposal`",
#: "`merged`, plus X").
ALIKE = {"v3": "proposal", "v4": "proposal", "with-ptes": "merged"}

CELLS = [
    (program, api, arch, hooks)
    for program, row in FEW_TRACES.items()
    for (api, arches), hooks in zip(COLUMNS, row, strict=True)
    for arch in arches
]


@pytest.mark.parametrize(("program", "api", "arch", "hooks"), CELLS)
def test_hooks_of_the_table(program: str, api: str, arch: str, hooks: str) -> None:
    assert play(program, api, arch).hooks == hooks


@pytest.mark.parametrize("api", ALIKE)
@pytest.mark.parametrize(("program", "column", "arch", "hooks"), CELLS)
def test_hooks_of_the_revisions_that_are_alike(program: str, column: str, arch: str, hooks: str, api: str) -> None:
    if ALIKE[api] == column:
        assert play(program, api, arch).hooks == hooks


@pytest.mark.parametrize(("program", "state"), [("E E D D", (0, 0)), ("E E P R D D", (0, 0)), ("E P P R R D", (0, 0))])
def test_merged_sections_of_the_table_end_where_they_began(program: str, state: tuple[int, int]) -> None:
    trace = play(program, "merged")
    assert final_state(trace) == state
    assert trace.tasks["main"]["active"] is False


def test_proposal_pause_and_resume_of_the_table_end_enabled() -> None:
    assert play("P R", "proposal").tasks["main"] == {"count": 0, "enabled": True, "active": True}


def test_disable_at_0_of_the_table() -> None:
    assert play("D", "proposal").tasks["main"] == {"count": 255, "enabled": False, "active": False}
    assert play("D", "merged").tasks["main"] == {"enable_count": 255, "pause_count": 0, "active": True}


@pytest.mark.parametrize(
    ("api", "digits"),
    [("proposal", "00"), ("amended", "00"), ("v3", "00"), ("v4", "10"), ("merged", "10"), ("with-ptes", "10")],
)
def test_hook_active_of_a_plain_section(api: str, digits: str) -> None:
    assert play("E D", api).hook_active == digits


@pytest.mark.parametrize(("arch", "hooks"), [("arm64", "elel"), ("x86_64", "elel"), ("s390x", "eprl")])
def test_pause_hooks_are_optional_and_only_s390x_defines_them(arch: str, hooks: str) -> None:
    assert play("E P R D", "amended", arch).hooks == hooks


@pytest.mark.parametrize("arch", ["arm64", "s390x", "x86_64"])
def test_enter_with_ptes_is_shown_as_w_everywhere(arch: str) -> None:
    assert play("X D", "amended", arch).hooks == "wl"
