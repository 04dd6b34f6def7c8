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


def meanwhile(steps: str) -> str:
    return f"meanwhile: {{task: other, steps: [{steps}]}}"


@each_row("context", CONTEXTS)
def test_a_meanwhile_stands_where_interrupts_or_bottom_halves_are_off(bench: Workbench, context: str) -> None:
    for before, after in (("", ""), ("enable: {before_hook: [", "]}"), ("repeat: {times: 1, steps: [", "]}")):
        written = f"[{context}: [{before}{meanwhile('flush')}{after}]]"
        if context in ("irqs_off", "bh_disabled"):
            assert "meanwhile other(flush)" in ops(bench.steps(written, HEAD))
        else:
            column = 8 + written.index("meanwhile")
            hint = "(only in `irqs_off` or `bh_disabled`)"
            assert bench.wrong(written, HEAD) == f"3:{column}: `meanwhile` is not allowed inside `{context}` {hint}"


def test_a_meanwhile_is_not_in_an_interrupt_of_another_context(bench: Workbench) -> None:
    problem = bench.wrong(f"[bh_disabled: [interrupt: [{meanwhile('flush')}]]]", HEAD)
    assert problem.startswith("3:35: `meanwhile` is not allowed inside `interrupt`")


@each_row(
    ("before", "after"),
    [("", ""), ("irqs_off: [", "]"), ("enable: {before_hook: [", "]}"), ("bh_disabled: [lazy: [", "]]")],
)
def test_a_meanwhile_is_not_in_another(bench: Workbench, before: str, after: str) -> None:
    inner = meanwhile("flush")
    written = f"[{meanwhile(f'{before}{inner}{after}')}]"
    column = 8 + written.rindex("meanwhile")
    assert bench.wrong(written, HEAD) == f"3:{column}: `meanwhile` is not allowed inside `meanwhile`"


@each_row("outer", ["irqs_off", "bh_disabled"])
@each_row("inner", CONTEXTS)
def test_contexts_begin_afresh_in_a_meanwhile(bench: Workbench, outer: str, inner: str) -> None:
    written = f"[{outer}: [{meanwhile(f'{inner}: [flush]')}], {meanwhile('softirq: [interrupt: [flush]]')}]"
    assert ops(bench.steps(written, HEAD)) == (
        f"{outer}(meanwhile other({inner}(flush))) meanwhile other(softirq(interrupt(flush)))"
    )


@each_row("op", OF_TASKS)
def test_no_task_leaves_its_cpu_in_a_meanwhile(bench: Workbench, op: str) -> None:
    for before, after, around in (
        ("", "", "meanwhile"),
        ("repeat: {times: 1, steps: [", "]}", "meanwhile"),
        ("enable: {before_hook: [", "]}", "meanwhile"),
        ("irqs_off: [", "]", "irqs_off"),
    ):
        written = f"[{meanwhile(f'{before}{EXAMPLES[op]}{after}')}]"
        column = 8 + written.index(EXAMPLES[op])
        assert bench.wrong(written, HEAD) == f"3:{column}: `{op}` is not allowed inside `{around}`"


@each_row("context", CONTEXTS)
@each_row("op", OF_TASKS)
def test_a_before_hook_in_a_context_moves_no_task(bench: Workbench, context: str, op: str) -> None:
    written = f"[{context}: [flush: {{before_hook: [{EXAMPLES[op]}]}}]]"
    column = 8 + written.index(EXAMPLES[op])
    assert bench.wrong(written, HEAD) == f"3:{column}: `{op}` is not allowed inside `{context}`"


def test_before_hooks_of_a_meanwhile_count_on(bench: Workbench) -> None:
    def written(inner: int) -> str:
        return (
            "[" + "flush: {before_hook: [" * 3 + "meanwhile: {task: other, steps: ["
            + "flush: {before_hook: [" * inner + "flush" + "]}" * inner + "]}" + "]}" * 3 + "]"
        )  # fmt: skip

    bench.steps(written(5), HEAD)
    assert bench.wrong(written(6), HEAD).endswith("`before_hook` nests more than 8 deep")


def test_a_meanwhile_left_empty_is_refused_and_a_long_one_is_not(bench: Workbench) -> None:
    def written(times: int) -> str:
        return f"[{meanwhile(f'repeat: {{times: {times}, steps: [flush]}}')}]"

    bench.steps(written(MAX_CONTEXT_OPERATIONS + 1), HEAD)
    assert bench.wrong(written(0), HEAD) == "3:9: no steps left in this `meanwhile`"
    assert bench.wrong(f"[irqs_off: {written(MAX_CONTEXT_OPERATIONS)}]", HEAD) == (
        "3:9: more than 4,096 operations in this `irqs_off`"
    )


@each_row("context", CONTEXTS)
def test_a_context_holds_at_most_4096_operations(bench: Workbench, context: str) -> None:
    def written(times: int) -> str:
        return f"[{context}: [flush, repeat: {{times: {times}, steps: [flush]}}], flush]"

    bench.steps(written(MAX_CONTEXT_OPERATIONS - 1))
    assert bench.wrong(written(MAX_CONTEXT_OPERATIONS)) == f"2:9: more than 4,096 operations in this `{context}`"
