# SPDX-License-Identifier: GPL-2.0-only
"""What a report says of a text's functions: called by the run's scenarios, by another function, or not at all."""

from typing import Any

import pytest
from lazymmu.header.driven import account
from lazymmu.header.text import NEEDED, OF_TASKS, WITH_PTES, parsed
from lazymmu.subject.revisions import REVISIONS

from tests.headers import EXTENDED, MERGED, OF_7_0, TAIL, V4, line

EVERY = frozenset(call for revision in REVISIONS.values() for call in revision.CALLS)


def of(content: str, operations: frozenset[str] = EVERY) -> dict[str, Any]:
    return account(parsed(content, "--header my.h", "my.h"), operations)


def missed(found: dict[str, Any]) -> dict[str, str]:
    return {one["function"]: one["reason"] for one in found["not_driven"]}


def test_what_scenarios_call_is_driven_and_so_is_what_that_calls() -> None:
    found = of(MERGED, frozenset({"enable", "pause"}))
    assert found["driven"] == ["lazy_mmu_mode_enable", "lazy_mmu_mode_pause", "__task_lazy_mmu_mode_pause"]
    assert missed(found) == dict.fromkeys(
        ["lazy_mmu_mode_disable", "__task_lazy_mmu_mode_resume", "lazy_mmu_mode_resume"],
        "no scenario of this run calls it",
    )
    assert found["given"] == "--header my.h"


def test_a_run_without_a_guest_drove_nothing() -> None:
    assert of(MERGED, frozenset())["driven"] == []


@pytest.mark.parametrize("where", [TAIL, "#endif /* _MINE_H */"])
def test_a_function_that_looks_like_one_of_the_api_is_named_with_its_line(where: str) -> None:
    more = "static inline void lazy_mmu_mode_begin(void) { lazy_mmu_mode_enable(); }\n#define end_lazy_mmu() 0\n"
    content = MERGED.replace(where, more + where)
    found = of(content)
    assert found["driven"] == [*NEEDED, *OF_TASKS]
    assert missed(found) == dict.fromkeys(["lazy_mmu_mode_begin", "end_lazy_mmu"], "no operation calls it")
    assert found["not_driven"][0]["line"] == line(content, "mode_begin")


def test_a_helper_is_driven_by_its_caller() -> None:
    helper = "static inline void __lazy_mmu_leave(void)\n{\n\tarch_leave_lazy_mmu_mode();\n}\n\n"
    disable = MERGED.index("static inline void lazy_mmu_mode_disable")
    text = (
        MERGED[:disable]
        + helper
        + MERGED[disable:].replace("arch_leave_lazy", "__lazy", 1).replace("__lazy_mmu_mode", "__lazy_mmu_leave", 1)
    )
    assert "__lazy_mmu_leave" in of(text)["driven"]
    assert "__lazy_mmu_leave" in missed(of(text, frozenset({"enable"})))


def test_what_the_module_adds_is_named() -> None:
    active = ["is_lazy_mmu_mode_active", "__task_lazy_mmu_mode_active"]
    assert of(MERGED)["module_functions"] == active
    assert of(OF_7_0)["module_functions"] == [*active, *OF_TASKS]
    assert of(V4)["module_functions"] == ["in_lazy_mmu_mode"]


def test_enable_with_ptes_is_noted_if_it_has_an_earlier_name() -> None:
    found = of(EXTENDED.replace(WITH_PTES, "lazy_mmu_mode_enable_for_pte_range"))
    assert "lazy_mmu_mode_enable_for_pte_range" in found["driven"]
    assert found["notes"] == [f"lazy_mmu_mode_enable_for_pte_range() is driven as {WITH_PTES}(), its later name"]
    assert of(EXTENDED)["notes"] == of(MERGED)["notes"] == []
