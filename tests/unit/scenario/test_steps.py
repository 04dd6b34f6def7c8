# SPDX-License-Identifier: GPL-2.0-only
"""What steps mean, and what is wrong with a step."""

from lazymmu.scenario.steps import WORDS

from tests.unit.rows import each_row

from .workbench import Workbench, ops


@each_row(
    ("written", "meant"),
    [
        ("[enable, disable, pause, resume, flush]", "enable disable pause resume flush"),
        ("[enable_with_ptes: {index: 3, count: 4}]", "enable_with_ptes 3 4"),
        ("[lazy: [flush, lazy: []]]", "enable flush enable disable disable"),
        ("[paused: [flush]]", "pause flush resume"),
        ("[lazy_with_ptes: {index: 255, count: 1, steps: [flush]}]", "enable_with_ptes 255 1 flush disable"),
        ("[lazy_with_ptes: {index: 0, count: 256, steps: []}]", "enable_with_ptes 0 256 disable"),
        ("[interrupt: [enable, lazy: [flush]]]", "interrupt(enable enable flush disable)"),
        ("[enable: {before_hook: [paused: [flush]]}]", "enable<pause flush resume>"),
        ("[enable_with_ptes: {index: 0, count: 1, before_hook: [flush]}]", "enable_with_ptes 0 1<flush>"),
        (
            "[disable: {before_hook: [interrupt: [resume: {before_hook: [flush]}]]}]",
            "disable<interrupt(resume<flush>)>",
        ),
        ("[flush: {before_hook: [might_sleep]}]", "flush<might_sleep>"),
        ("[peek: 255, peek: {index: 3, expect: 7}]", "peek 255 peek 3"),
        ("[repeat: {times: 3, steps: [enable, flush]}]", "enable flush enable flush enable flush"),
        ("[enable, repeat: {times: 0, steps: [flush]}]", "enable"),
        ("[enable: {before_hook: [repeat: {times: 0, steps: [flush]}]}]", "enable"),
    ],
)
def test_blocks_are_their_calls(bench: Workbench, written: str, meant: str) -> None:
    assert ops(bench.steps(written)) == meant


def test_steps_are_numbered_in_the_order_of_the_text(bench: Workbench) -> None:
    scenario = bench.steps(
        "[enable: {before_hook: [interrupt: [flush, flush]]}, "
        "repeat: {times: 2, steps: [lazy: [check: {active: true}]]}]"
    )
    steps = list(scenario.cases[0].walk())
    assert [step.index for step in steps] == list(range(10))
    assert [step.op for step in steps] == [
        "enable", "interrupt", "flush", "flush", "enable", "check", "disable", "enable", "check", "disable",
    ]  # fmt: skip


def test_both_calls_of_a_block_have_the_place_of_its_key(bench: Workbench) -> None:
    scenario = bench.accept("description: d\nsteps:\n  - lazy:\n      - flush\n  - disable\n")
    assert [(step.op, step.place.line, step.place.column) for step in scenario.cases[0].steps] == [
        ("enable", 3, 5),
        ("flush", 4, 9),
        ("disable", 3, 5),
        ("disable", 5, 5),
    ]
    assert scenario.cases[0].steps[0].place.path == scenario.path == str(bench.path)


@each_row(
    ("written", "problem"),
    [
        ("[enabel]", "2:9: unknown step `enabel` (did you mean `enable`?)"),
        ("[enable-with-ptes]", "2:9: unknown step `enable-with-ptes` (did you mean `enable_with_ptes`?)"),
        ("[xyzzy]", f"2:9: unknown step `xyzzy` (known: {', '.join(WORDS)})"),
        ("[hardirq: [flush]]", "2:9: unknown step `hardirq` (here that is `interrupt`)"),
        ("[preempt_disable]", "2:9: unknown step `preempt_disable` (known: enable, "),
        ("[read_pte: 0]", "2:9: unknown step `read_pte` (known: enable, "),
        ("[peek: 256]", "2:15: `peek` takes an integer from 0 to 255, not `256`"),
        ("[peek: {index: 0, expect: true}]", "2:34: `expect` of `peek` takes an integer from 0 to "),
        ("[meanwhile]", "2:9: `meanwhile` needs more: write `- meanwhile: {task: other, steps: [..]}`"),
        ("[meanwhile: main]", "2:20: `meanwhile` takes {task: other, steps: [..]}, not the word `main`"),
        ("[meanwhile: {steps: [flush]}]",
         "2:9: `meanwhile` needs `task`: write `- meanwhile: {task: other, steps: [..]}`"),
        ("[meanwhile: {task: main}]",
         "2:9: `meanwhile` needs `steps`: write `- meanwhile: {task: other, steps: [..]}`"),
        ("[meanwhile: {task: main, steps: []}]", "2:40: `steps` of `meanwhile` is empty: it takes a list of steps"),
        ("[meanwhile: {task: main, step: [flush], steps: [flush]}]",
         "2:33: unknown key `step` in `meanwhile` (did you mean `steps`?)"),
        ("[lazy]", "2:9: `lazy` needs more: write `- lazy: [..]`"),
        ("[tlb_flush: {before_hook: [enable]}]", "2:20: `tlb_flush` takes nothing: write `- tlb_flush`"),
        ("[might_sleep: 1]", "2:22: `might_sleep` takes nothing: write `- might_sleep`"),
        ("[enable: 3]", "2:17: `enable` takes nothing (`- enable`) or {before_hook: [steps]}, not `3`"),
        ("[enable: {}]", "2:17: `enable` is empty: it takes nothing (`- enable`) or {before_hook: [steps]}"),
        ("[enable: {before_hook: []}]", "2:31: `before_hook` is empty: it takes a list of steps"),
        ("[enable: {before_hook: flush}]", "2:31: `before_hook` takes a list of steps, not the word `flush`"),
        ("[lazy: {steps: []}]", "2:15: `lazy` takes a list of steps, not a mapping"),
        ("[{enable: {before_hook: [flush]}, disable: 1}]",
         "2:42: `disable` is a second key in the step `enable`: a step of its own begins with `- `"),
        ("[{repeat: , times: 3, steps: [enable]}]",
         "2:20: `times` is a second key in the step `repeat`: indent it further"),
        ("[enable, ~]", "2:17: unknown step `~`"),
        ("[$x]", "2:9: a step cannot be a `$name`: `$x` means a value"),
        ("{enable: 1}", "2:8: `steps` takes a list of steps, not a mapping"),
        ("[]", "2:8: `steps` is empty: it takes a list of steps"),
        ("", "2:7: `steps` has no value: it takes a list of steps"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_named_at_its_place(bench: Workbench, written: str, problem: str) -> None:
    assert bench.wrong(written).startswith(problem)


def test_a_dash_without_a_step_is_refused(bench: Workbench) -> None:
    assert bench.refuse("description: d\nsteps:\n  - enable\n  -\n") == [
        "4:4: a step has no value: it takes one operation (`- enable` or `- lazy: [..]`)"
    ]


@each_row(
    ("arguments", "problem"),
    [
        ("index: 256, count: 1", "2:35: `index` takes an integer from 0 to 255, not `256`"),
        ("index: 0, count: 0", "2:45: `count` takes an integer from 1 to 256, not `0`"),
        ("index: 255, count: 2", "2:47: the range ends at 257: the table has entries 0 to 255"),
        ("index: 0", "2:9: `enable_with_ptes` needs `count`: write `- enable_with_ptes: {index: 0, count: 4}`"),
        ("index: 0, count: 1, steps: []", "2:48: unknown key `steps` in `enable_with_ptes`"),
    ],
)
def test_a_range_lies_in_the_table(bench: Workbench, arguments: str, problem: str) -> None:
    assert bench.wrong(f"[enable_with_ptes: {{{arguments}}}]").startswith(problem)


def nested_before_hooks(depth: int) -> str:
    return "[" + "enable: {before_hook: [" * depth + "flush" + "]}" * depth + "]"


def test_before_hook_nests_8_deep_and_no_deeper(bench: Workbench) -> None:
    assert ops(bench.steps(nested_before_hooks(8))) == "enable<" * 8 + "flush" + ">" * 8
    column = 9 + 8 * len("enable: {before_hook: [") + len("enable: {")
    assert bench.wrong(nested_before_hooks(9)) == f"2:{column}: `before_hook` nests more than 8 deep"
