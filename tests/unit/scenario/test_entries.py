# SPDX-License-Identifier: GPL-2.0-only
"""The steps that use the page table: short and long forms, pinned answers, and what is out of range."""

from __future__ import annotations

import pytest

from .workbench import Workbench, ops


@pytest.mark.parametrize(
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
def test_arguments_stand_in_the_order_of_the_program(bench: Workbench, written: str, meant: str) -> None:
    assert ops(bench.steps(written)) == meant


def test_an_answer_may_be_pinned_and_need_not(bench: Workbench) -> None:
    scenario = bench.steps(
        "[touch: {index: 0, expect: true}, touch: {index: 0, expect: false}, touch: 0, get_pte: {index: 1, expect: 0}, "
        "clear_pte: {index: 1, expect: 0xffffffffffffffff}, load: {index: 2, expect: 7}, load: 2]"
    )
    steps = scenario.cases[0].steps
    assert [step.answer for step in steps] == [1, 0, None, 0, 2**64 - 1, 7, None]
    assert [step.args for step in steps] == [{"index": entry} for entry in (0, 0, 0, 1, 1, 2, 2)]


def test_answers_and_arguments_may_be_names(bench: Workbench) -> None:
    scenario = bench.accept(
        "description: d\nvary: {there: [true, false], entry: [3, 4]}\n"
        "steps:\n  - touch: {index: $entry, expect: $there}\n"
        "  - repeat: {times: 2, as: i, steps: [get_pte: {index: $entry, expect: $i}]}\n"
    )
    found = [[(step.args["index"], step.answer) for step in case.steps] for case in scenario.cases]
    assert found == [
        [(3, 1), (3, 0), (3, 1)],
        [(4, 1), (4, 0), (4, 1)],
        [(3, 0), (3, 0), (3, 1)],
        [(4, 0), (4, 0), (4, 1)],
    ]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("[touch: 256]", "2:16: `touch` takes an integer from 0 to 255, not `256`"),
        ("[touch: -1]", "2:16: `touch` takes an integer from 0 to 255, not `-1`"),
        ("[touch: 010]", "2:16: `010` is not an integer here: write 10 or 8"),
        ("[touch: true]", "2:16: `touch` takes an integer from 0 to 255, not `true`"),
        ("[touch: [0]]", "2:16: `touch` takes an integer from 0 to 255, not a list"),
        ("[touch: ]", "2:16: `touch` has no value: it takes an integer from 0 to 255"),
        ("[touch]", "2:9: `touch` needs more: write `- touch: 0`"),
        ("[touch: {}]", "2:16: `touch` is empty: it takes an index, or {index: .., expect: ..}"),
        ("[touch: {expect: true}]", "2:9: `touch` needs `index`: write `- touch: 0`"),
        ("[touch: {index: 0, expects: true}]",
         "2:27: unknown key `expects` in `touch` (did you mean `expect`?)"),
        ("[touch: {index: 0, expect: 1}]", "2:35: `expect` of `touch` takes true or false, not `1`"),
        ("[touch: {index: 0, expect: yes}]", "2:35: `yes` is a boolean to some YAML readers"),
        ("[get_pte: {index: 0, expect: true}]",
         "2:37: `expect` of `get_pte` takes an integer from 0 to 18446744073709551615, not `true`"),
        ("[load: {index: 300, expect: 0}]", "2:23: `index` takes an integer from 0 to 255, not `300`"),
        ("[clear_pte: {index: 0, value: 1}]", "2:31: unknown key `value` in `clear_pte`"),
        ("[set_pte: 3]", "2:18: `set_pte` takes {index: .., value: ..}, not `3`"),
        ("[set_pte: {index: 3}]", "2:9: `set_pte` needs `value`: write `- set_pte: {index: 0, value: 0x1001}`"),
        ("[set_pte: {value: 3}]", "2:9: `set_pte` needs `index`"),
        ("[set_pte: {index: 256, value: 0}]", "2:26: `index` takes an integer from 0 to 255, not `256`"),
        ("[set_pte: {index: 0, value: -1}]", "2:36: `value` takes an integer from 0 to 18446744073709551615"),
        ("[set_pte: {index: 0, value: 18446744073709551616}]", "2:36: `18446744073709551616` does not fit in 64 bits"),
        ("[set_pte: {index: 0, value: 1, expect: 1}]", "2:39: unknown key `expect` in `set_pte`"),
        ("[tlb_flush: 0]", "2:20: `tlb_flush` takes nothing: write `- tlb_flush`"),
        ("[repeat: {times: 257, as: i, steps: [touch: $i]}]",
         "2:52: `touch` takes an integer from 0 to 255, not `256` (`$i` may be that)"),
        ("[touch: $i]", "2:16: unknown name `$i`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_at_its_place(bench: Workbench, written: str, problem: str) -> None:
    assert bench.wrong(written).startswith(problem)


def test_both_mistakes_of_a_step_are_told(bench: Workbench) -> None:
    problems = bench.refuse(
        "description: d\nsteps: [set_pte: {index: 256, value: -1}, load: {index: 256, expect: -1}]\n"
    )
    assert [problem.split(" ")[0] for problem in problems] == ["2:26:", "2:38:", "2:57:", "2:70:"]
