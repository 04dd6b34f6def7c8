# SPDX-License-Identifier: GPL-2.0-only
"""A stop shows both sides in columns, marks what differs, and says which task is on which CPU."""

from pathlib import Path

from lazymmu.reports.stop import lines
from lazymmu.subject.simulator import predict
from msgspec.structs import replace

from tests.unit import examples

TEXT = """\
description: x
tasks: {other: {cpu: 1}}
steps:
  - enable
  - set_pte: {index: 0, value: 0x11}
  - switch: other
  - touch: 0
  - switch: main
  - migrate: {cpu: 1}
"""


def rows(folder: Path, last: int, **changes: object) -> dict[str, list[str]]:
    """Return the rows after a step by their names: the mark, and the words of both sides."""
    case = examples.unit(folder, TEXT, api="merged", arch="arm64").case
    case = replace(case, steps=case.steps[: last + 1])
    right = predict(case, "merged", "arm64")
    wrong = replace(right, steps=(*right.steps[:-1], replace(right.steps[-1], **changes)))
    found = {}
    for line in list(lines(case.steps[-1], case, right, wrong))[1:]:
        name, *cells = [cell.strip() for cell in line.removeprefix("!").strip().split("  ") if cell.strip()]
        found[name] = [line[0], *cells]
    return found


def test_both_sides_are_shown_beside_each_other(tmp_path: Path) -> None:
    shown = rows(tmp_path, 1)
    assert shown["owed"] == [" ", "1 entry", "1 entry"]
    assert shown["counted"] == [" ", "deferred", "deferred"]
    assert shown["table"] == [" ", "0:0x11", "0:0x11"]
    assert shown["task main"][1] == "enable_count 1 pause_count 0 active yes"
    assert "answer" not in shown


def test_what_differs_is_marked(tmp_path: Path) -> None:
    shown = rows(tmp_path, 3, value=0, hooks="f", hook_active="1")
    assert {name for name, (mark, *_) in shown.items() if mark == "!"} == {"hooks", "inside", "answer"}
    assert shown["hooks"] == ["!", "-", "f"]


def test_the_order_of_counters_is_no_difference(tmp_path: Path) -> None:
    shown = rows(tmp_path, 1, counters={"direct": 1, "barriers": 1})
    turned = rows(tmp_path, 1, counters={"barriers": 1, "direct": 1})
    assert shown["counted"][2] == turned["counted"][2] == "barriers direct"


def test_each_cpu_has_the_task_that_is_present_there(tmp_path: Path) -> None:
    assert [rows(tmp_path, 1)[cpu][1] for cpu in ("CPU 0", "CPU 1")] == ["main", "no task of the case"]
    assert [rows(tmp_path, 3)[cpu][1] for cpu in ("CPU 0", "CPU 1")] == ["main", "other"]
    assert [rows(tmp_path, 5)[cpu][1] for cpu in ("CPU 0", "CPU 1")] == ["no task of the case", "main"]
