# SPDX-License-Identifier: GPL-2.0-only
"""What YAML a scenario may be written in, and where each refusal points."""

import yaml
from lazymmu.scenario.strict_yaml.compose import MAX_LEVELS, compose
from lazymmu.scenario.strict_yaml.nodes import Listing, Scalar, Table
from lazymmu.scenario.strict_yaml.problems import Problems
from lazymmu.support.errors import Place

from tests.unit.rows import each_row

from .workbench import Workbench

HEAD = "description: d\nsteps: [enable]\n"

PARSERS = [yaml.SafeLoader] + ([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])


def refusals(text: str, parser: type) -> list[str]:
    problems = Problems()
    compose(text, "f", problems, parser)
    return [str(problem) for problem in problems.found]


@each_row("parser", PARSERS)
@each_row(
    ("text", "refusal"),
    [
        ("a: &x 1\n", "f:1:4: anchors are not allowed here: remove `&x`"),
        ("a: b\nc: *x\n", "f:2:4: aliases are not allowed here: write out what `*x` means"),
        ("a: !!int 1\n", "f:1:4: tags are not allowed here: remove `tag:yaml.org,2002:int`"),
        ("a: !own [1]\n", "f:1:4: tags are not allowed here: remove `!own`"),
        ("a: ! b\n", "f:1:4: tags are not allowed here: remove `!`"),
        ("&m {a: b}\n", "f:1:1: anchors are not allowed here: remove `&m`"),
        ("%YAML 1.1\n---\na: b\n", "f:1:1: YAML directives (`%YAML`, `%TAG`) are not allowed here"),
        ("a: b\n---\nc: d\n", "f:2:1: a second document in this file: one file holds one scenario"),
        ("a: b\na: c\n", "f:2:1: `a` is here twice (first in line 1)"),
        ('a: b\nc: {"x": 1, x: 2}\n', "f:2:13: `x` is here twice (first in line 2)"),
        ("a: b\n[c]: d\n", "f:2:1: a list or mapping cannot be a key"),
        ("", "f:1:1: no scenario in this file: it is empty"),
        ("# only this\n", "f:1:1: no scenario in this file: it is empty"),
        ("a: 'b\x00'\n", "f:1:6: not a text file: character U+0000"),
        ("a: b\nc\u2028d: e\n", "f:2:2: not a text file: character U+2028"),
        ('a: "\\e[31m"\n', "f:1:4: character U+001B is not allowed in a string"),
    ],
)
def test_yaml_beyond_plain_data_is_refused_at_its_place(text: str, refusal: str, parser: type) -> None:
    assert refusals(text, parser) == [refusal]


@each_row("parser", PARSERS)
@each_row(
    ("text", "place"),
    [("a: [1\nb: 2\n", "f:1:4:"), ("a: b\n\tc: d\n", "f:2:1:"), ("a: 'b", "f:1:"), ("a: b: c\n", "f:1:5:")],
)
def test_a_syntax_error_has_its_place(text: str, place: str, parser: type) -> None:
    (refusal,) = refusals(text, parser)
    assert refusal.startswith(place)
    assert ": not YAML: " in refusal
    assert "\n" not in refusal


@each_row("parser", PARSERS)
@each_row("text", ['a: "\\UFFFFFFFF"\n', 'a: "\\ud800"\n', f"%YAML {'1' * 5000}.1\n---\na: b\n"])
def test_what_a_parser_cannot_represent_is_one_problem(text: str, parser: type) -> None:
    assert len(refusals(text, parser)) == 1


@each_row("parser", PARSERS)
@each_row(
    ("opening", "column"),
    [("[", MAX_LEVELS + 1), ("- ", 2 * MAX_LEVELS + 1), ("{a: ", 4 * MAX_LEVELS + 1)],
)
def test_depth_is_refused_before_anything_recurses(opening: str, column: int, parser: type) -> None:
    assert refusals(opening * 5_000, parser) == [f"f:1:{column}: more than 64 levels of lists and mappings"]


def test_64_levels_are_allowed() -> None:
    assert refusals("[" * MAX_LEVELS + "]" * MAX_LEVELS, yaml.SafeLoader) == []


@each_row("parser", PARSERS)
def test_the_tree_keeps_text_quotes_and_places(parser: type) -> None:
    problems = Problems()
    root = compose('a: [010, "x"]\nb: |\n  text\nc:\n', "f", problems, parser)
    assert problems.found == []
    assert root == Table(
        Place("f", 1, 1),
        (
            (
                Scalar(Place("f", 1, 1), "a", quoted=False),
                Listing(
                    Place("f", 1, 4),
                    (Scalar(Place("f", 1, 5), "010", quoted=False), Scalar(Place("f", 1, 10), "x", quoted=True)),
                ),
            ),
            (Scalar(Place("f", 2, 1), "b", quoted=False), Scalar(Place("f", 2, 4), "text\n", quoted=True)),
            (Scalar(Place("f", 4, 1), "c", quoted=False), Scalar(Place("f", 4, 3), "", quoted=False)),
        ),
    )


def test_a_byte_order_mark_is_passed_over(bench: Workbench) -> None:
    assert bench.accept("\ufeff" + HEAD).description == "d"


def test_an_alias_bomb_is_refused_without_being_expanded(bench: Workbench) -> None:
    text = "a: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 30))
    problems = bench.refuse(text)
    assert problems[0] == "1:1: a scenario needs `description`"
    assert "2:5: anchors are not allowed here: remove `&a1`" in problems
    assert "2:10: aliases are not allowed here: write out what `*a0` means" in problems


def test_an_alias_gives_no_further_problem(bench: Workbench) -> None:
    assert bench.refuse("description: d\nsteps: [lazy: *x, enable: *y]\n") == [
        "2:15: aliases are not allowed here: write out what `*x` means",
        "2:27: aliases are not allowed here: write out what `*y` means",
    ]


@each_row("parser", PARSERS)
@each_row(
    ("steps", "refusal"),
    [
        ("\t- enable\n", "3:1: not YAML: a tab: indent with spaces"),
        ("  - repeat: {times: ${n}, steps: [enable]}\n", "3:22: not YAML: write `$n`, without braces"),
        ("  - enable\n  disable\n", "4:3: not YAML: `disable` is no key: a step begins with `- `, a key ends in `:`"),
        ("  - lazy:\n    enable\n", "4:5: not YAML: `enable` is no key: a step begins with `- `, a key ends in `:`"),
        ("  - lazy: [enable\n", "3:11: not YAML: `[` is not closed, or a comma is missing in it"),
        ("  - {touch: 1\n  - enable\n", "3:5: not YAML: `{` is not closed, or a comma is missing in it"),
        ('  - touch: "1\n', '3:12: not YAML: `"` is not closed'),
        ("  - enable\n  touch: 1\n", "4:3: not YAML: an entry of this list begins with `- `"),
        ("  - enable\n - disable\n", "4:2: not YAML: this line is not indented as the lines before it"),
        ("  - a: b: c\n", "3:9: not YAML: a `:` before a blank ends a key: put a text that has one in quotes"),
        ("  - @enable\n", "3:5: not YAML: `@` begins no word: put the text in quotes"),
    ],
)
def test_what_yaml_refuses_gets_its_place_and_what_to_write(steps: str, refusal: str, parser: type) -> None:
    assert refusals(f"description: x\nsteps:\n{steps}", parser) == [f"f:{refusal}"]
