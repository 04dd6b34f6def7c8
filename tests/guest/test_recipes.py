# SPDX-License-Identifier: GPL-2.0-only
"""Recipes of CONTRIBUTING.md that need a guest work when they are followed to the letter."""

from pathlib import Path

import pytest

from tests.documents import recipes
from tests.recipes import follow, needs_guest


@pytest.mark.parametrize("recipe", [recipe for recipe in recipes() if needs_guest(recipe)])
def test_a_recipe_works(recipe: str, tmp_path: Path) -> None:
    follow(recipe, tmp_path)
