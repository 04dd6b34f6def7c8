# SPDX-License-Identifier: GPL-2.0-only
"""A catalogue finds the files of its folder, names what is wrong with one, and still gives the others."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from lazymmu.support.catalogue import Catalogue
from lazymmu.support.errors import SetupError, UsageError

_NUMBERS = itertools.count()


class Animal(Protocol):
    NAME: str
    LEGS: int


@pytest.fixture
def animals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Catalogue[Animal]]]:
    """Return a function that makes a catalogue of these files."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**files: str) -> Catalogue[Animal]:
        package = f"animals_{next(_NUMBERS)}"
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        return Catalogue(package, "animal", {"LEGS": int}, order=lambda entry: entry.LEGS)

    yield make


def test_entries_are_found_by_name_in_the_order_of_the_catalogue(
    animals: Callable[..., Catalogue[Animal]],
) -> None:
    found = animals(ant="NAME = 'ant'\nLEGS = 6\n", sea_gull="NAME = 'sea-gull'\nLEGS = 2\n")
    assert list(found) == ["sea-gull", "ant"]
    assert found["sea-gull"].LEGS == 2
    assert found.pick("ant").NAME == "ant"
    assert list(found.every()) == ["sea-gull", "ant"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NAME = 'ant'\n", "ant.py:1: the animal has no LEGS"),
        ("NAME = 'ant'\n\nLEGS = 'six'\n", "ant.py:3: LEGS of the animal is 'six'"),
        ("NAME = 'ant'\nLEGS = =\n", "ant.py:2: invalid syntax\n    LEGS = ="),
        ("NAME = 'ant'\n\n\nLEGS = six\n", "ant.py:4: NameError: name 'six' is not defined"),
        ("NAME = 'ant'\nLEGS = 6 / 0\n", "ant.py:2: ZeroDivisionError: division by zero"),
        ("NAME = 'ant'\nimport re\nre.compile('(')\n", "ant.py:3: error: missing ), unterminated subpattern"),
        ("import nowhere_at_all\n", "ant.py:1: ModuleNotFoundError: No module named 'nowhere_at_all'"),
    ],
)
def test_a_broken_file_costs_only_those_who_need_its_entry(
    animals: Callable[..., Catalogue[Animal]], text: str, message: str
) -> None:
    found = animals(ant=text, cow="NAME = 'cow'\nLEGS = 4\n")
    assert list(found) == ["cow"]
    assert found.pick("cow").LEGS == 4
    for needs_it in (lambda: found["ant"], lambda: found.pick("ant"), found.every):
        with pytest.raises(SetupError) as caught:
            needs_it()
        assert message in str(caught.value)


def test_two_files_with_one_name_are_an_error(animals: Callable[..., Catalogue[Animal]]) -> None:
    found = animals(ant="NAME = 'ant'\nLEGS = 6\n", emmet="NAME = 'ant'\nLEGS = 6\n")
    with pytest.raises(SetupError, match=r"emmet\.py: the animal `ant` is also defined in .*ant\.py"):
        list(found)


def test_an_unknown_name_lists_what_there_is(animals: Callable[..., Catalogue[Animal]]) -> None:
    found = animals(ant="NAME = 'ant'\nLEGS = 6\n", cow="NAME = 'cow'\nLEGS = 4\n")
    with pytest.raises(UsageError) as caught:
        found.pick("cat")
    assert str(caught.value) == "unknown animal `cat`\n  hint: there is: cow, ant"


def test_a_typing_mistake_gets_a_suggestion(animals: Callable[..., Catalogue[Animal]]) -> None:
    found = animals(ant="NAME = 'gazelle'\nLEGS = 4\n")
    with pytest.raises(UsageError, match="unknown animal `gazlele` \\(did you mean `gazelle`\\?\\)"):
        found.pick("gazlele")


def test_a_look_up_by_name_imports_only_that_entry(animals: Callable[..., Catalogue[Animal]]) -> None:
    found = animals(ant="NAME = 'ant'\nLEGS = 6\n", cow="raise SystemExit('imported')\n")
    assert found["ant"].LEGS == 6
