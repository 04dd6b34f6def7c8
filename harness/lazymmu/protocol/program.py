# SPDX-License-Identifier: GPL-2.0-only
"""Writes a case as the text that the module runs (docs/protocol.md, section 1)."""

from collections.abc import Iterator

from lazymmu.subject.case import Case, Step
from lazymmu.subject.implementations import MODULE


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


def revision(api: str, impl: str) -> str:
    """Return the module's name of a revision of one implementation."""
    return api if impl == MODULE else f"{api}/{impl}"


def text(case: Case, *, run: int, api: str, personality: str, impl: str = MODULE) -> str:
    """Return the program of a case; `run` is the number that its report repeats."""
    body = [line for step in case.steps for line in _lines(step)]
    count = sum(line != "}" for line in body)
    head = ["lazymmu-program 3", f"run {run}", f"revision {revision(api, impl)}", f"personality {personality}"]
    tasks = [f"task {name} {cpu}" for name, cpu in case.tasks.items()]
    return "\n".join([*head, *tasks, f"steps {count}", *body, "end", ""])
