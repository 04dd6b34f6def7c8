# SPDX-License-Identifier: GPL-2.0-only
"""The simulator agrees with every example."""

import pytest

from tests.unit.rows import each_row

from .example import FILES, examples
from .notation import play


@pytest.mark.parametrize("file", FILES)
def test_every_example_is_predicted(file: str) -> None:
    wrong = [(example, differences) for example in examples(file) if (differences := example.wrong())]
    assert wrong == []


def test_warnings_aside_v3_is_the_proposal() -> None:
    for example in examples("revisions"):
        if example.api == "proposal":
            assert [wrong for wrong in example.wrong("v3") if not wrong.startswith("warnings")] == [], example


@each_row("file", ["history", "field"])
def test_every_row_of_the_semantics_is_there(file: str) -> None:
    assert {example.what.split()[0] for example in examples(file)} == {str(number) for number in range(1, 13)}


def test_hooks_that_an_architecture_lacks_are_not_counted() -> None:
    without, having = (play("E P R D", "amended", arch).counters for arch in ("x86_64", "s390x"))
    assert (without["arch_enter"], without["arch_leave"], without["arch_pause"], without["arch_resume"]) == (2, 2, 0, 0)
    assert (having["arch_enter"], having["arch_leave"], having["arch_pause"], having["arch_resume"]) == (1, 1, 1, 1)


def test_the_flag_of_v4_is_the_tasks_own_and_active_the_place_of_the_step() -> None:
    """In interrupt the flag stays, and the task is not active."""
    check = play("E I{C}", "v4").steps[1]
    assert (check.state, check.active) == ({"nesting_level": 1, "active": True}, False)
