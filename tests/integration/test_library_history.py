# SPDX-License-Identifier: GPL-2.0-only
"""The library has every historical bug of docs/semantics.md, where its architecture shows it."""

import re

from lazymmu.subject.case import Scenario
from lazymmu.support.project import ROOT

from tests.unit.examples import EVERYWHERE, library
from tests.unit.rows import each_row

TABLE = (ROOT / "docs" / "semantics.md").read_text().partition("## Historical bugs\n")[2].partition("\n## ")[0]
#: What descriptions name: the upstream commits and functions of the table, and what it has instead of them.
ROWS = [*re.findall(r"\b[0-9a-f]{12}\b|(?<=`)\w+_pmd\w*", TABLE), "Ryan Roberts' example", "Seen in Linux 7.3.4"]

#: Rows that s390x shows only with a range.
WITH_A_RANGE = [
    *("1ef3095b1405", "b81c688426a9", "b9ef323ea168", "a1d416bf9faf", "c519c3c0a113", "f3cd4ab0aabf"),
    *("pagemap_scan_pmd_entry", "migrate_vma_collect_pmd"),
]

#: Rows that need Xen's own context switch.
ON_XEN = ["4594437880ce", "Seen in Linux 7.3.4"]


def history() -> list[Scenario]:
    return [scenario for scenario in library() if scenario.name.startswith("history/")]


def naming(row: str) -> list[Scenario]:
    return [scenario for scenario in history() if row in " ".join(scenario.description.split())]


def test_the_table_is_read() -> None:
    assert len(ROWS) == 15


@each_row("row", ROWS)
def test_every_historical_bug_is_a_scenario_on_every_architecture(row: str) -> None:
    shown_on = {arch for scenario in naming(row) for arch in scenario.arches}
    assert shown_on == {*EVERYWHERE}


@each_row("row", WITH_A_RANGE)
def test_what_s390x_shows_only_with_a_range_has_a_scenario_with_one(row: str) -> None:
    operations = {step.op for scenario in naming(row) for case in scenario.cases for step in case.walk()}
    assert {"enable", "enable_with_ptes"} <= operations


@each_row("row", ON_XEN)
def test_what_only_xen_shows_has_a_scenario_with_its_personality(row: str) -> None:
    assert "xen" in {scenario.personality for scenario in naming(row)}


def test_every_historical_scenario_belongs_to_a_row() -> None:
    named = [one.name for row in (*ROWS, "Xen's context switch", "The context switch") for one in naming(row)]
    assert [one.name for one in history() if one.name not in named] == []
