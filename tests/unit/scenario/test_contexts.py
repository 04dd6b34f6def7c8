# SPDX-License-Identifier: GPL-2.0-only
"""Contexts: how they nest, and what is not allowed in one or in a before_hook."""

from lazymmu.subject.limits import MAX_CONTEXT_OPERATIONS
from lazymmu.subject.operations import CONTEXTS, OPERATIONS, Kind

from tests.unit.rows import each_row

from .workbench import Workbench, ops

MIGHT_NEST = {("softirq", "interrupt"), ("bh_disabled", "interrupt")}
HEAD = "tasks: {other: {cpu: 1}}\n"
OF_TASKS = [name for name, operation in OPERATIONS.items() if operation.kind is Kind.TASK]
EXAMPLES = {"switch": "switch: other", "migrate": "migrate: {cpu: 1}", "sleep": "sleep: 1", "fork": "fork: child"}


@each_row("context", CONTEXTS)
def test_a_context_holds_its_steps(bench: Workbench, context: str) -> None:
    written = f"[{context}: [enable, lazy: [touch: 0], flush], disable]"
    assert ops(bench.steps(written)) == f"{context}(enable enable touch 0 disable flush) disable"


@each_row("outer", CONTEXTS)
@each_row("inner", CONTEXTS)
def test_only_an_interrupt_is_allowed_in_another_context(bench: Workbench, outer: str, inner: str) -> None:
    for written, meant in (
        (f"[{outer}: [{inner}: [flush]]]", f"{outer}({inner}(flush))"),
        (f"[{outer}: [lazy: [{inner}: [flush]]]]", f"{outer}(enable {inner}(flush) disable)"),
        (
            f"[enable: {{before_hook: [{outer}: [enable: {{before_hook: [{inner}: [flush]]}}]]}}]",
            f"enable<{outer}(enable<{inner}(flush)>)>",
        ),
        (f"[{outer}: [repeat: {{times: 1, steps: [{inner}: [flush]]}}]]", f"{outer}({inner}(flush))"),
    ):
        if (outer, inner) in MIGHT_NEST:
            assert ops(bench.steps(written)) == meant
        else:
            hint = " (only in `softirq` or `bh_disabled`)" if inner == "interrupt" else ""
            column = 8 + written.rindex(f"{inner}:")
            assert bench.wrong(written) == f"2:{column}: `{inner}` is not allowed inside `{outer}`{hint}"


@each_row("op", OF_TASKS)
@each_row("context", CONTEXTS)
def test_no_task_leaves_its_cpu_in_a_context(bench: Workbench, op: str, context: str) -> None:
    problem = bench.wrong(f"[{context}: [lazy: [{EXAMPLES[op]}]]]", HEAD)
    assert problem == f"3:{19 + len(context)}: `{op}` is not allowed inside `{context}`"


@each_row("op", OF_TASKS)
def test_no_task_leaves_its_cpu_in_a_before_hook(bench: Workbench, op: str) -> None:
    problem = bench.wrong(f"[enable: {{before_hook: [repeat: {{times: 1, steps: [{EXAMPLES[op]}]}}]}}]", HEAD)
    assert problem == f"3:59: `{op}` is not allowed inside `before_hook`"


@each_row(
    ("written", "problem"),
    [
        ("[softirq: []]", "2:18: `softirq` is empty: it takes a list of steps"),
        ("[softirq]", "2:9: `softirq` needs more: write `- softirq: [..]`"),
        ("[irqs_off: flush]", "2:19: `irqs_off` takes a list of steps, not the word `flush`"),
        ("[bh_disabled: [repeat: {times: 0, steps: [flush]}]]", "2:9: no steps left in this `bh_disabled`"),
        ("[bh_disable: [flush]]", "2:9: unknown step `bh_disable` (did you mean `bh_disabled`?)"),
    ],
)
def test_a_context_has_steps(bench: Workbench, written: str, problem: str) -> None:
    assert bench.wrong(written) == problem


@each_row("context", CONTEXTS)
def test_a_context_holds_at_most_4096_operations(bench: Workbench, context: str) -> None:
    def written(times: int) -> str:
        return f"[{context}: [flush, repeat: {{times: {times}, steps: [flush]}}], flush]"

    bench.steps(written(MAX_CONTEXT_OPERATIONS - 1))
    assert bench.wrong(written(MAX_CONTEXT_OPERATIONS)) == f"2:9: more than 4,096 operations in this `{context}`"
