# SPDX-License-Identifier: GPL-2.0-only
"""The steps that use the page table: short and long forms, pinned answers, and what is out of range."""

from tests.unit.rows import each_row

from .workbench import Workbench, ops


@each_row(
    ("written", "meant"),
    [
        ("[set_pte: {index: 3, value: 0x1001}]", "set_pte 3 4097"),
        ("[set_pte: {value: 0xffffffffffffffff, index: 0}]", "set_pte 0 18446744073709551615"),
        ("[clear_pte: 255, get_pte: 0]", "clear_pte 255 get_pte 0"),
        ("[touch: 0, touch: {index: 1}, touch: {expect: true, index: 2}]", "touch 0 touch 1 touch 2"),
        ("[tlb_flush, load: 0x10]", "tlb_flush load 16"),
        ("[interrupt: [touch: 0], enable: {before_hook: [set_pte: {index: 1, value: 1}]}]",
         "interrupt(touch 0) enable<set_pte 1 1>"),
        ("[repeat: {times: 2, as: i, steps: [set_pte: {index: $i, value: $i}, load: $i]}]",
         "set_pte 0 0 load 0 set_pte 1 1 load 1"),
    ],
)  # fmt: skip
def test_arguments_are_in_the_order_of_the_program(bench: Workbench, written: str, meant: str) -> None:
    assert ops(bench.steps(written)) == meant


def test_an_answer_may_be_pinned_and_need_not(bench: Workbench) -> None:
    scenario = bench.steps(
        "[touch: {index: 0, expect: true}, touch: {index: 0, expect: false}, touch: 0, get_pte: {index: 1, expect: 0}, "
        "clear_pte: {index: 1, expect: 0xffffffffffffffff}, load: {index: 2, expect: 7}, load: 2]"
    )
    steps = scenario.cases[0].steps
    assert [step.answer for step in steps] == [1, 0, None, 0, 2**64 - 1, 7, None]
    assert [step.args for step in steps] == [{"index": entry} for entry in (0, 0, 0, 1, 1, 2, 2)]


@each_row(
    ("written", "problem"),
    [
        ("[touch: 256]", "2:16: `touch` takes an integer from 0 to 255, not `256`"),
        ("[touch]", "2:9: `touch` needs more: write `- touch: 0`"),
        ("[touch: {}]", "2:16: `touch` is empty: it takes an index, or {index: .., expect: ..}"),
        ("[touch: {expect: true}]", "2:9: `touch` needs `index`: write `- touch: 0`"),
        ("[touch: {index: 0, expects: true}]",
         "2:27: unknown key `expects` in `touch` (did you mean `expect`?)"),
        ("[touch: {index: 0, expect: 1}]", "2:35: `expect` of `touch` takes true or false, not `1`"),
        ("[get_pte: {index: 0, expect: true}]",
         "2:37: `expect` of `get_pte` takes an integer from 0 to 18446744073709551615, not `true`"),
        ("[load: {index: 300, expect: 0}]", "2:23: `index` takes an integer from 0 to 255, not `300`"),
        ("[set_pte: 3]", "2:18: `set_pte` takes {index: .., value: ..}, not `3`"),
        ("[set_pte: {index: 3}]", "2:9: `set_pte` needs `value`: write `- set_pte: {index: 0, value: 0x1001}`"),
        ("[set_pte: {value: 3}]", "2:9: `set_pte` needs `index`"),
        ("[set_pte: {index: 0, value: -1}]", "2:36: `value` takes an integer from 0 to 18446744073709551615"),
        ("[tlb_flush: 0]", "2:20: `tlb_flush` takes nothing: write `- tlb_flush`"),
        ("[repeat: {times: 257, as: i, steps: [touch: $i]}]",
         "2:52: `touch` takes an integer from 0 to 255, not `256` (`$i` may be that)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_at_its_place(bench: Workbench, written: str, problem: str) -> None:
    assert bench.wrong(written).startswith(problem)
