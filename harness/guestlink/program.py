# SPDX-License-Identifier: GPL-2.0-only
"""Writes a case as the text that the module runs (docs/protocol.md, section 1)."""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.case import Case, Step


def _lines(step: Step) -> Iterator[str]:
    line = f"{step.index} {step.op}"
    for argument in step.args.values():
        line += f" {argument}"
    nested = step.before_hook or step.body
    if not nested:
        yield line
        return
    yield f"{line} {{"
    for inner in nested:
        yield from _lines(inner)
    yield "}"


def text(case: Case, *, run: int, api: str, personality: str) -> str:
    """Return the program of a case; `run` is the number that its report repeats."""
    body = [line for step in case.steps for line in _lines(step)]
    count = sum(line != "}" for line in body)
    head = ["lazymmu-program 2", f"run {run}", f"revision {api}", f"personality {personality}"]
    tasks = [f"task {name} {cpu}" for name, cpu in case.tasks.items()]
    return "\n".join([*head, *tasks, f"steps {count}", *body, "end", ""])
