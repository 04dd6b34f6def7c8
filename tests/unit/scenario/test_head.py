# SPDX-License-Identifier: GPL-2.0-only
"""The keys of a scenario file; all mistakes are reported together."""

from lazymmu.subject.personalities import PERSONALITIES

from tests.unit.rows import each_row

from .workbench import Workbench

HEAD = "description: d\nsteps: [enable]\n"


def test_a_whole_scenario(bench: Workbench) -> None:
    scenario = bench.accept(HEAD + 'tags: [nesting, 2-deep, "7.2"]\nversion: 1\n')
    assert (scenario.name, scenario.path, scenario.description) == ("s", str(bench.path), "d")
    assert scenario.tags == ("nesting", "2-deep", "7.2")
    assert (len(scenario.cases), scenario.cases[0].expect) == (1, ())


@each_row(
    ("text", "problem"),
    [
        ("steps: [enable]\n", "1:1: a scenario needs `description`"),
        ("\ndescription: d\n", "2:1: a scenario needs `steps`"),
        ("[enable]\n", "1:1: a scenario takes a mapping with `description` and `steps`, not a list"),
        ("--- ~\n", "1:5: a scenario has no value"),
        (HEAD + "tag: [a]\n", "3:1: unknown key `tag` in a scenario (did you mean `tags`?)"),
        (HEAD + "personality: s390\n", "3:14: unknown name `s390` in `personality` (did you mean `s390x`?)"),
        (HEAD + "personality: [s390x]\n", f"3:14: `personality` takes one of {', '.join(PERSONALITIES)}, not a list"),
        (HEAD + "personality: on\n", "3:14: `on` is a boolean to some YAML readers"),
        (HEAD + "version: 2\n", "3:10: `version` takes only 1, not `2`"),
        (HEAD + 'version: "1"\n', "3:10: `version` takes only 1 without quotes, not the string `1`"),
        (HEAD + "tags: [a, a]\n", "3:11: `a` is in `tags` twice"),
        (HEAD + "tags: [a b]\n", "3:8: `a b` cannot be a tag: use letters"),
        (HEAD + "tags: [7.2]\n", "3:8: a tag needs quotes: `7.2` may be read as something else"),
        (HEAD + "tags: [[a]]\n", "3:8: a tag takes a string, not a list"),
        (
            HEAD + "kernel_warnings: expected\n",
            "3:18: unknown name `expected` in `kernel_warnings` (known: allowed)",
        ),
    ],
)
def test_a_wrong_head_is_named_at_its_place(bench: Workbench, text: str, problem: str) -> None:
    problems = bench.refuse(text)
    assert len(problems) == 1, problems
    assert problems[0].startswith(problem)


def test_warnings_of_the_kernel_may_be_allowed(bench: Workbench) -> None:
    assert not bench.accept(HEAD).kernel_warnings
    assert bench.accept(HEAD + "kernel_warnings: allowed\n").kernel_warnings


def test_all_mistakes_of_a_file_are_reported_in_the_order_of_their_places(bench: Workbench) -> None:
    text = """\
steps:
  - enabel
  - lazy: 3
  - check: {activ: true, depth: 010}
  - set_pte: {index: 256, value: -1}
expect: {hooks: 1, marged: {hooks: e}}
vary: {n: [1]}
api: [zz]
"""
    assert [problem.split(" ")[0] for problem in bench.refuse(text)] == [
        "1:1:", "2:5:", "3:11:", "4:13:", "4:33:", "5:22:", "5:34:", "6:17:", "6:20:", "8:7:",
    ]  # fmt: skip


def test_a_long_word_is_cut_in_messages(bench: Workbench) -> None:
    (problem,) = bench.refuse(f"description: d\nsteps: [{'e' * 100_000}]\n")
    assert len(problem) < 500
    assert "`" + "e" * 39 + "…`" in problem
