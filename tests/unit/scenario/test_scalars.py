# SPDX-License-Identifier: GPL-2.0-only
"""Integers, booleans and words: YAML 1.1's traps are mistakes, and the message says what to write."""

from tests.unit.rows import each_row

from .workbench import Workbench


@each_row(("written", "value"), [("0", 0), ("10", 10), ("0x10", 16), ("0xfF", 255), ("255", 255)])
def test_integers_are_decimal_or_hexadecimal(bench: Workbench, written: str, value: int) -> None:
    scenario = bench.steps(f"[check: {{depth: {written}}}]")
    check = scenario.cases[0].steps[0].check
    assert check is not None
    assert check.pins == {"depth": value}
    assert type(check.pins["depth"]) is int


@each_row(
    ("written", "says"),
    [
        ("010", "`010` is not an integer here: write 10 or 8 ("),
        ("1:30", "`1:30` is not an integer here: write 90 ("),
        ("0o17", "write 15 ("),
        ("0b101", "write 5 ("),
        ("1e3", "write 1000 ("),
        ("+1", "write 1 ("),
        (".5", "`.5` is not an integer here: integers are decimal or 0x"),
        ("1.5", "`1.5` is not an integer here: integers are decimal or 0x"),
        ("on", "`on` is a boolean to some YAML readers: write true or false"),
        ("y", "`y` is a boolean to some YAML readers"),
        ("TRUE", "`TRUE` is a boolean to some YAML readers"),
        ("true", "`depth` takes an integer from 0 to 255, not `true`"),
        ('"3"', "`depth` takes an integer from 0 to 255 without quotes, not the string `3`"),
        ("'$x'", "`depth` takes an integer from 0 to 255 without quotes, not the string `$x`"),
        ("-1", "`depth` takes an integer from 0 to 255, not `-1`"),
        ("256", "`depth` takes an integer from 0 to 255, not `256`"),
        ("0x10000000000000000", "`0x10000000000000000` does not fit in 64 bits"),
        ("9" * 5000, "999… does not fit in 64 bits".replace("999…", "9" * 39 + "…`")),
        ("~", "`depth` has no value: it takes an integer from 0 to 255"),
        ("", "`depth` has no value: it takes an integer from 0 to 255"),
        ("[1]", "`depth` takes an integer from 0 to 255, not a list"),
        ("a$x", "`depth` takes an integer from 0 to 255, not the word `a$x`"),
        ("$1", "`$1` is not a name: `$name` (letters, digits and _) or `$name*2+1` must be a whole value"),
        ("$n + 1", "`$n + 1` is not a name: "),
        ("$n+1*2", "`$n+1*2` is not a name: "),
        ("$n+010", "`$n+010` is not a name: "),
        ("$n+-1", "`$n+-1` is not a name: "),
        (f"$n*{'9' * 25}", "has a number that does not fit in 64 bits"),
    ],
)
def test_the_message_says_what_to_write_instead_of_what_is_not_an_integer(
    bench: Workbench, written: str, says: str
) -> None:
    problem = bench.refuse(f"description: d\nsteps:\n  - check:\n      depth: {written}\n")
    assert len(problem) == 1
    assert problem[0].startswith("4:14: " if written else "4:")
    assert says in problem[0]


@each_row("written", ["on", "yes", "True", "1", '"true"', "~", "x"])
def test_booleans_are_only_true_and_false(bench: Workbench, written: str) -> None:
    assert bench.wrong(f"[check: {{active: {written}}}]").startswith("2:25: ")


@each_row(("written", "trace"), [("e", "e"), ("eflprw", "eflprw"), ('""', ""), ("'ef'", "ef")])
def test_hooks_are_letters(bench: Workbench, written: str, trace: str) -> None:
    check = bench.steps(f"[check: {{hooks: {written}}}]").cases[0].steps[0].check
    assert check is not None
    assert check.pins == {"hooks": trace}


@each_row(
    ("written", "says"),
    [
        ("x", 'takes hook letters (e l f p r w; "" for none), not the word `x`'),
        ("E", "not the word `E`"),
        ('"e l"', "not the string `e l`"),
        ("", "`hooks` has no value"),
        ("~", "`hooks` has no value"),
        ("1", "not `1`"),
        ("[e]", "not a list"),
    ],
)
def test_other_hooks_are_refused(bench: Workbench, written: str, says: str) -> None:
    assert says in bench.wrong(f"[check: {{hooks: {written}}}]")


@each_row("written", ["no", "123", "010", "1:30", "true", "$x", "1e3"])
def test_a_description_that_looks_like_something_else_needs_quotes(bench: Workbench, written: str) -> None:
    (problem,) = bench.refuse(f"description: {written}\nsteps: [enable]\n")
    assert problem.startswith(f"1:14: `description` needs quotes: `{written}`")
    assert bench.accept(f'description: "{written}"\nsteps: [enable]\n').description == written


def test_a_long_description_is_taken_without_surrounding_space(bench: Workbench) -> None:
    assert bench.accept("description: |\n  one\n  two\n\nsteps: [enable]\n").description == "one\ntwo"


@each_row(("written", "says"), [('""', "is empty"), ('" "', "is empty"), ("", "has no value"), ("[a]", "a list")])
def test_an_empty_description_is_refused(bench: Workbench, written: str, says: str) -> None:
    (problem,) = bench.refuse(f"description: {written}\nsteps: [enable]\n")
    assert problem.startswith("1:1")
    assert says in problem
