# SPDX-License-Identifier: GPL-2.0-only
"""The table of operations is complete: simulator, language, documents and module have each operation as it says."""

import re

import pytest
from lazymmu.scenario.steps import WORDS
from lazymmu.subject import limits, simulator
from lazymmu.subject.behaviour import BEHAVIOURS
from lazymmu.subject.case import Case, Step
from lazymmu.subject.operations import (
    BY_REVISION,
    COUNT,
    CPU,
    INDEX,
    MILLISECONDS,
    NEW_TASK,
    OPERATIONS,
    TASK,
    TASK_IF_ANY,
    VALUE,
    Kind,
)
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revision import state_fields
from lazymmu.subject.revisions import REVISIONS, revisions_with
from lazymmu.support.errors import Place, SetupError
from lazymmu.support.project import MODULE_SOURCE, ROOT

TABLE = (MODULE_SOURCE / "tables.c").read_text().partition("lmm_operations[")[2].partition("\n};")[0]
#: The module's word for an argument -> the table's.
ARGUMENTS = {
    "INDEX": INDEX,
    "VALUE": VALUE,
    "COUNT": COUNT,
    "TASK": TASK,
    "NEW_TASK": NEW_TASK,
    "TASK_IF_ANY": TASK_IF_ANY,
    "CPU": CPU,
    "MS": MILLISECONDS,
}


def test_simulator_and_language_have_every_operation() -> None:
    assert BEHAVIOURS.keys() == OPERATIONS.keys()
    assert WORDS.keys() - OPERATIONS.keys() == {"lazy", "lazy_with_ptes", "paused", "repeat"}
    assert OPERATIONS.keys() <= WORDS.keys()


def test_an_operation_without_behaviour_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulator.Run, "behaviours", {})
    with pytest.raises(SetupError, match="operation `enable` has no behaviour"):
        simulator.predict(Case({}, (Step(1, "enable", Place("x.yaml", 1, 1)),)), "merged", "arm64")


def test_the_documents_name_every_operation() -> None:
    for name in ("protocol.md", "scenarios.md"):
        text = (ROOT / "docs" / name).read_text()
        assert [operation for operation in OPERATIONS if not re.search(rf"`[^`]*\b{operation}\b[^`]*`", text)] == []


def test_every_revision_has_the_calls_that_all_have_and_none_beside_the_table() -> None:
    for revision in REVISIONS.values():
        assert {"enable", "disable", "pause", "resume"} <= revision.CALLS.keys() <= {*BY_REVISION}
        assert revision.DEPTH in dict(state_fields(revision))
    assert {"amended", "with-ptes"} <= revisions_with("enable_with_ptes") <= {*REVISIONS} - {"merged"}
    assert {"merged", "with-ptes"} <= revisions_with("pause_task") <= {*REVISIONS} - {"amended"}
    assert revisions_with("touch") == {*REVISIONS}


def test_the_modules_table_is_the_same() -> None:
    rows = {row.partition('"')[2].partition('"')[0]: row.partition("=")[2] for row in TABLE.split("[LMM_OP_")[1:]}
    assert list(rows) == list(OPERATIONS)
    for name, row in rows.items():
        operation = OPERATIONS[name]
        words = re.findall(r"\b(?:LMM_ARG_)?([A-Z_]+)\b", row)
        assert [ARGUMENTS[word] for word in words if word in ARGUMENTS] == [*operation.args], name
        assert bool({"HOOKED", "LMM_LIST_BEFORE_HOOK"} & {*words}) is operation.hookable, name
        assert bool({"CONTEXT", "LMM_LIST_CONTEXT"} & {*words}) is (operation.kind is Kind.CONTEXT), name
        assert (".answers" in row) is (operation.answers is not None), name
        assert (".leaves" in row) is (operation.kind is Kind.TASK), name
        assert ("MEANWHILE" in words) is (operation.kind is Kind.MEANWHILE), name
        within = re.findall(r"[A-Z_]+", row.partition("WITHIN(")[2].partition(")")[0])
        assert {*map(str.lower, within)} == {*operation.within}, name
        # `fork` is missing in the kernel's own implementation, the others in some revisions.
        assert (".in " in row) is (name == "fork" or revisions_with(name) != {*REVISIONS}), name


def test_the_module_has_the_same_limits_revisions_and_personalities() -> None:
    defined = dict(re.findall(r"#define\s+LMM_(\w+)\s+(\d+)U", (MODULE_SOURCE / "program.h").read_text()))
    assert {name: int(number) for name, number in defined.items()}.items() >= {
        "MAX_STEPS": limits.MAX_OPERATIONS,
        "MAX_HOOK_DEPTH": limits.MAX_BEFORE_HOOK_DEPTH,
        "MAX_CONTEXT_STEPS": limits.MAX_CONTEXT_OPERATIONS,
        "MAX_TASKS": limits.MAX_TASKS,
        "MAX_NAME": limits.MAX_TASK_NAME,
        "MAX_SLEEP": limits.MAX_SLEEP_MS,
        "NR_CPUS": limits.CPUS,
        "TABLE_ENTRIES": limits.TABLE_ENTRIES,
    }.items()
    sources = "".join(path.read_text() for path in MODULE_SOURCE.glob("a*.c"))
    for name in (*REVISIONS, *PERSONALITIES):
        named = f'.name = "{name}"'
        assert named in re.sub(r"\s+", " ", sources), f"no file guest/module/a*.c has `{named}`"
