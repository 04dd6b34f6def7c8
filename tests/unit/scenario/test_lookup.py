# SPDX-License-Identifier: GPL-2.0-only
"""Which files the arguments mean, the names of the scenarios, and the messages for arguments that mean none."""

import os
from pathlib import Path

import pytest
from lazymmu.scenario import load
from lazymmu.subject.case import values_text
from lazymmu.support.errors import ScenarioError, UsageError

from tests.unit.rows import each_row

GOOD = "description: d\nsteps: [enable]\n"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return a library of four scenarios."""
    root = tmp_path / "scenarios"
    for name in ("nesting/two-levels.yaml", "nesting/deep/er.yml", "pause/plain.yaml", "first.yaml"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GOOD)
    (root / "README.md").write_text("not a scenario")
    (root / ".hidden.yaml").write_text("not a scenario")
    return root


def names(library: Path, *arguments: str | Path) -> list[str]:
    return [scenario.name for scenario in load([str(argument) for argument in arguments], library)]


def usage(library: Path, *arguments: str | Path) -> str:
    with pytest.raises(UsageError) as caught:
        names(library, *arguments)
    return str(caught.value)


@each_row(
    ("arguments", "meant"),
    [
        ([], ["first", "nesting/deep/er", "nesting/two-levels", "pause/plain"]),
        (["nesting/two-levels"], ["nesting/two-levels"]),
        (["nesting/two-levels.yaml"], ["nesting/two-levels"]),
        (["nesting/deep/er"], ["nesting/deep/er"]),
        (["nesting"], ["nesting/deep/er", "nesting/two-levels"]),
        (["nesting/"], ["nesting/deep/er", "nesting/two-levels"]),
        (["pause", "first", "nesting/../first", "pause/plain.yaml"], ["first", "pause/plain"]),
        (["*/plain"], ["pause/plain"]),
        (["nest*", "firs?.yaml"], ["first", "nesting/deep/er", "nesting/two-levels"]),
        (["nesting/[a-m]*"], ["nesting/deep/er"]),
    ],
)
def test_names_and_directories_of_the_library(library: Path, arguments: list[str], meant: list[str]) -> None:
    assert names(library, *arguments) == meant


def test_a_path_into_the_library_has_the_library_s_name(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(library, library / "nesting/two-levels.yaml") == ["nesting/two-levels"]
    assert names(library, library / "nesting") == ["nesting/deep/er", "nesting/two-levels"]
    monkeypatch.chdir(library / "pause")
    assert names(library, "plain.yaml", "./plain.yaml", "../first.yaml", ".") == ["first", "pause/plain"]
    monkeypatch.chdir(library.parent)
    assert names(Path("scenarios"), "scenarios/first.yaml", library / "first.yaml") == ["first"]


def test_outside_the_library_the_name_is_the_path_as_given(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.yaml").write_text(GOOD)
    (tmp_path / "own" / "plain.txt").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert names(library, "own/mine.yaml") == ["own/mine"]
    assert names(library, "./own/mine.yaml") == ["./own/mine"]
    assert names(library, "own/mine") == ["own/mine"]
    assert names(library, "own") == ["own/mine"]
    assert names(library, tmp_path / "own/mine.yaml", "own/mine.yaml") == [str(tmp_path / "own/mine")]
    assert names(library, "own/plain.txt") == ["own/plain.txt"]
    assert load(["own/mine.yaml"], library)[0].path == "own/mine.yaml"


def test_the_library_is_searched_before_the_working_directory(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first.yaml").write_text("not a scenario")
    monkeypatch.chdir(tmp_path)
    assert names(library, "first") == names(library, "first.yaml") == ["first"]
    with pytest.raises(ScenarioError):
        names(library, "./first.yaml")


def test_a_name_that_is_a_file_and_a_directory_is_the_file(library: Path) -> None:
    (library / "nesting.yaml").write_text(GOOD)
    assert names(library, "nesting") == ["nesting"]
    assert names(library, "nesting/") == ["nesting/deep/er", "nesting/two-levels"]


def test_two_files_of_one_name_are_refused(library: Path) -> None:
    (library / "first.yml").write_text(GOOD)
    for arguments in ([], ["first"]):
        with pytest.raises(ScenarioError) as caught:
            names(library, *arguments)
        assert str(caught.value) == f"{library}/first.yml:1:1: has the same name, `first`, as {library}/first.yaml"


def test_loops_through_links_end_and_real_names_count(library: Path) -> None:
    (library / "nesting" / "up").symlink_to(library)
    (library / "a-link").symlink_to(library / "nesting")
    (library / "self").symlink_to("self")
    (library / "an-alias.yaml").symlink_to(library / "first.yaml")
    assert names(library) == ["first", "nesting/deep/er", "nesting/two-levels", "pause/plain"]
    assert names(library, "an-alias") == ["an-alias"]


@each_row(
    ("argument", "message"),
    [
        ("nestin", "no scenario, file or directory `nestin` (did you mean `nesting`?)"),
        ("two-levels.yaml", "no scenario, file or directory `two-levels.yaml` (did you mean `nesting/two-levels`?)"),
        ("xyzzy", "no scenario, file or directory `xyzzy`; the library has first, nesting, pause"),
        ("nesting/a[n=1]", "no scenario, file or directory `nesting/a[n=1]`; `nesting` has nesting/deep, nesting/two"),
        ("nesting/two-level[n=1]", "no scenario, file or directory `nesting/two-level[n=1]` (did you mean `nest"),
        ("./no", "no scenario, file or directory `./no`"),
        ("", "no scenario, file or directory ``"),
        ("firs[a-c]", "no scenario, file or directory `firs[a-c]`"),
        ("nest*/two[depth=3]", "no scenario, file or directory `nest*/two[depth=3]`"),
        ("first.yaml/x", "no scenario, file or directory `first.yaml/x`"),
        ("a\0b", "no scenario, file or directory `a\0b`"),
        ("x" * 5000, "no scenario, file or directory `" + "x" * 39 + "…`"),
        ("caf\udce9", "no scenario, file or directory `caf\\udce9`"),
    ],
)
def test_an_argument_that_means_nothing_is_reported_with_close_names(
    library: Path, argument: str, message: str
) -> None:
    assert usage(library, argument).startswith(message)


def test_all_wrong_arguments_are_reported_together(library: Path) -> None:
    assert usage(library, "xyzzy", "first", "plugh").count("no scenario, file or directory") == 2


def test_a_directory_without_scenarios_is_reported(library: Path, tmp_path: Path) -> None:
    (tmp_path / "empty" / "below").mkdir(parents=True)
    assert usage(library, tmp_path / "empty").startswith("no scenario (a file named *.yaml) in directory `")
    assert usage(tmp_path / "empty").startswith("no scenario (a file named *.yaml) in directory `")
    assert usage(tmp_path / "missing").startswith("no scenario, file or directory `")
    assert usage(tmp_path / "missing", "first").startswith("no scenario, file or directory `first`")


def test_a_file_name_that_is_not_utf_8_is_reported(library: Path) -> None:
    Path(os.fsdecode(bytes(library) + b"/caf\xe9.yaml")).write_text(GOOD)
    with pytest.raises(ScenarioError) as caught:
        names(library)
    assert str(caught.value) == f"{library}/caf\\udce9.yaml:1:1: the name of this file is not UTF-8"


@pytest.fixture
def varied(library: Path) -> Path:
    """Return the library with a scenario of four cases, one of three from a list, and one with a `[` in its name."""
    text = "description: d\n{}\nsteps: [repeat: {{times: $n, steps: [set_pte: {{index: $i, value: 1}}]}}]\n"
    (library / "grid.yaml").write_text(text.format("vary: {n: [1, 2], i: [0, 10]}"))
    (library / "nesting" / "list.yaml").write_text(text.format("vary: [{n: 1, i: 1}, {n: 2, i: [2, 10]}]"))
    (library / "odd[n=1].yaml").write_text(GOOD)
    return library


@each_row(
    ("arguments", "meant"),
    [
        (["grid[n=1,i=10]"], ["grid[n=1,i=10]"]),
        (["grid[n=1]"], ["grid[n=1,i=0]", "grid[n=1,i=10]"]),
        (["grid[i=0,n=2]", "grid[n=1,i=10]"], ["grid[n=1,i=10]", "grid[n=2,i=0]"]),
        (["grid.yaml[i=10]", "first"], ["first[]", "grid[n=1,i=10]", "grid[n=2,i=10]"]),
        (["grid[n=1,i=0]", "grid"], [f"grid[n={n},i={i}]" for n in (1, 2) for i in (0, 10)]),
        (["nesting/list[n=2,i=2]"], ["nesting/list[n=2,i=2]"]),
        (["*[n=2,i=10]"], ["grid[n=2,i=10]", "nesting/list[n=2,i=10]"]),
        (["nesting[i=1]"], ["nesting/list[n=1,i=1]"]),
        (["odd[n=1]"], ["odd[n=1][]"]),
    ],
)
def test_one_case_is_meant_by_its_values(varied: Path, arguments: list[str], meant: list[str]) -> None:
    found = load(arguments, varied)
    assert [f"{one.name}[{values_text(case.values)}]" for one in found for case in one.cases] == meant


def test_a_case_that_does_not_exist_is_refused_with_those_that_do(varied: Path) -> None:
    assert usage(varied, "grid[n=3]") == (
        "no case `grid[n=3]`\n  hint: there is: grid[n=1,i=0], grid[n=1,i=10], grid[n=2,i=0], grid[n=2,i=10]"
    )
    assert usage(varied, "first[n=1]") == "no case `first[n=1]`\n  hint: there is: first (its only case)"
    assert usage(varied, "grid", "grid[m=1]").startswith("no case `grid[m=1]`")
    assert usage(varied, "*r*[n=7]").startswith("no case `*r*[n=7]`\n  hint: there is: first (its only case), grid[")


def test_a_pattern_is_of_paths_if_no_name_of_the_library_matches(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own" / "below").mkdir(parents=True)
    for name in ("own/mine.yaml", "own/below/more.yaml", "own/notes.txt"):
        (tmp_path / name).write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert names(library, "own/m*.yaml", "own/b*") == ["own/below/more", "own/mine"]
    assert names(library, f"{tmp_path}/own/*.yaml") == [f"{tmp_path}/own/mine"]


def test_a_value_may_be_a_word_or_empty(library: Path) -> None:
    head = 'description: d\nvary: [{hooks: el, times: 1}, {hooks: "", times: 0}]\n'
    text = head + "steps: [get_pte: 0, repeat: {times: $times, steps: [lazy: []]}]\nexpect: {hooks: $hooks}\n"
    (library / "texts.yaml").write_text(text)
    for values, hooks in (("hooks=el,times=1", "el"), ("hooks=,times=0", ""), ("hooks=", "")):
        assert [case.values["hooks"] for case in load([f"texts[{values}]"], library)[0].cases] == [hooks]
