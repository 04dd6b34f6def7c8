# SPDX-License-Identifier: GPL-2.0-only
"""What the documents tell a reader to do works: commands end as they say, and write what is shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.documents import DOCUMENTS, Command, SavedFile, missing, name, steps
from tests.guest.conftest import Lazymmu

# Other tests run these, or take too long: the whole library, this test run itself, a set-up, measurements.
ELSEWHERE = {("run",), ("run", "--api", "all", "--json", "results.json"), ("setup",), ("doctor",)}
# A reader meets these first.
EVERY_DAY = ("README.md", "docs/tutorial.md")


def executable(document: Path) -> bool:
    """Whether a document has commands. Those of CONTRIBUTING.md change the checkout: test_recipes.py runs them."""
    return document.stem != "CONTRIBUTING" and any(isinstance(step, Command) for step in steps(document.read_text()))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(path, id=name(path), marks=() if name(path) in EVERY_DAY else (pytest.mark.exhaustive,))
        for path in DOCUMENTS
        if executable(path)
    ],
)
def test_a_reader_can_follow(document: Path, broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    lazymmu = broken()
    for step in steps(document.read_text()):
        where = f"{name(document)}:{step.line}"
        if isinstance(step, SavedFile):
            path = tmp_path / "checkout" / step.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text)
            continue
        program, *arguments = step.words
        assert program == "./lazymmu", where
        if tuple(arguments) in ELSEWHERE or arguments[0] == "test":
            continue
        done = lazymmu(*arguments)
        written = done.stdout + done.stderr
        assert done.returncode == step.status, f"{where}\n{written}"
        assert missing(step.output or "", written) == [], f"{where}\n{written}"
