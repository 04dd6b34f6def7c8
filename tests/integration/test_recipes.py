# SPDX-License-Identifier: GPL-2.0-only
"""The recipes of CONTRIBUTING.md work when they are followed to the letter."""

from pathlib import Path

import pytest

from tests.documents import recipes
from tests.recipes import follow, needs_guest

MOST_LINES = 10


@pytest.mark.parametrize("recipe", [recipe for recipe in recipes() if not needs_guest(recipe)])
def test_a_recipe_works(recipe: str, tmp_path: Path) -> None:
    follow(recipe, tmp_path)


@pytest.mark.parametrize("recipe", recipes())
def test_a_recipe_has_at_most_ten_lines(recipe: str) -> None:
    lines = [line for line in recipes()[recipe].splitlines() if line.strip() and not line.startswith("```")]
    assert len(lines) <= MOST_LINES


@pytest.mark.parametrize(
    "kind",
    [
        "command",
        "report",
        "revision",
        "personality",
        "architecture",
        "console finding",
        "transport",
        "cache kind",
        "operation",
    ],
)
def test_each_catalogue_has_a_recipe(kind: str) -> None:
    assert any(recipe.split(maxsplit=1)[1] == kind for recipe in recipes())
