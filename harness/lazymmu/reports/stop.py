# SPDX-License-Identifier: GPL-2.0-only
"""Shows one stop of a walk through a case: what the model predicts beside what the guest did."""

from collections.abc import Iterator, Mapping
from itertools import islice

from lazymmu.reports.columns import added, aligned
from lazymmu.subject.case import Case, Step
from lazymmu.subject.limits import CPUS, MAIN_TASK
from lazymmu.subject.trace import Trace, compact

#: Begins the line of a row that differs.
MARK = "! "
# Entries of the table that are shown.
_ENTRIES = 6
_UNSEEN = "(not visible)"


def lines(step: Step, case: Case, predicted: Trace, observed: Trace) -> Iterator[str]:
    """Yield a heading and a row for each thing that a stop shows; `case` is what ran, up to `step` or around it."""
    model, guest = (_column(step, case, trace) for trace in (predicted, observed))
    rows = [["", "", "model", "guest"]]
    for name in dict.fromkeys((*model, *guest)):
        both = model.get(name, ""), guest.get(name, "")
        if any(both):
            rows.append([MARK.strip() if both[0] != both[1] else "", name, *both])
    yield from aligned(rows)


def _column(step: Step, case: Case, trace: Trace) -> Mapping[str, str]:
    """Return what one side did at the step, and what it has after it."""
    record = next((record for record in trace.steps if record.index == step.index), None)
    cells: dict[str, str] = {}
    if record is None:
        cells["step"] = "does not run"
    else:
        counted = added(trace.steps)[step.index]
        cells |= {
            "running": record.task,
            "hooks": compact(record.hooks) if record.hooks else "-",
            "inside": record.hook_active,
            "active": _shown(record.active),
            "counted": " ".join(name if more == 1 else f"{name}+{more}" for name, more in counted.items()),
            "answer": "" if record.value is None else f"{record.value:#x}",
            "owed": _UNSEEN if record.outstanding is None else _entries(record.outstanding),
        }
    cells["table"] = _UNSEEN if trace.table is None else _table(trace.table)
    for task, state in trace.tasks.items():
        cells[f"task {task}"] = " ".join(f"{name} {_shown(value)}" for name, value in state.items())
    for cpu, task in enumerate(_present(case, trace)):
        cells[f"CPU {cpu}"] = task or "no task of the case"
    return cells


def _shown(value: int | bool) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _entries(count: int) -> str:
    return "nothing" if not count else "1 entry" if count == 1 else f"{count} entries"


def _table(table: Mapping[int, int]) -> str:
    words = [f"{index}:{value:#x}" for index, value in islice(table.items(), _ENTRIES)]
    return " ".join([*words, *([f"and {len(table) - _ENTRIES} more"] if len(table) > _ENTRIES else [])]) or "all 0"


def _present(case: Case, trace: Trace) -> list[str]:
    """Return the task that is present on each CPU at the end, by the records: the one that ran there last; or none."""
    steps = {step.index: step for step in case.walk()}
    cpus = {MAIN_TASK: 0, **case.tasks}
    present = [MAIN_TASK, *[""] * (CPUS - 1)]
    for record in trace.steps:
        step = steps.get(record.index)
        if step is None or step.op == "check":
            continue
        if step.op == "migrate":
            present = ["" if task == record.task else task for task in present]
            cpus[record.task] = int(step.args["cpu"])
        elif step.op == "fork":
            cpus[str(step.args["task"])] = cpus.get(record.task, 0)
        present[cpus.get(record.task, 0)] = record.task
    return present
