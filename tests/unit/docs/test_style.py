# SPDX-License-Identifier: GPL-2.0-only
"""The documents keep their form: width, length, and every private word in the glossary."""

import re
from pathlib import Path

import pytest
from lazymmu.cli import main
from lazymmu.subject.counters import HOOKS
from lazymmu.subject.implementations import IMPLEMENTATIONS
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.project import ROOT

from tests.documents import DOCUMENTS, anchors, name, prose

PACKAGE = ROOT / "harness" / "lazymmu"
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
# `lazymmu survey` writes this one.
WRITTEN_BY_A_COMMAND = ("docs/results.md",)


@pytest.mark.parametrize("document", [page for page in DOCUMENTS if name(page) not in WRITTEN_BY_A_COMMAND], ids=name)
def test_prose_wraps_at_100_columns(document: Path) -> None:
    lines = enumerate(prose(document.read_text()).splitlines(), 1)
    long = [(number, line.lstrip()) for number, line in lines if len(line) > 100]
    assert [number for number, line in long if not line.startswith(("|", "![", "<!--"))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_each_path_of_the_tree_that_is_named_exists(document: Path) -> None:
    text = document.read_text().partition("## Recipes")[0]
    for path in re.findall(r"(?<!`)`((?:harness|guest|images|scenarios|tests|docs)/[\w./-]*)`", prose(text)):
        assert (ROOT / path).exists(), path


def test_the_readme_has_less_than_150_lines() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) < 150


def test_the_architecture_page_describes_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [path.parent.name + "/" for path in PACKAGE.glob("*/__init__.py")]
    files = [path.name for path in PACKAGE.glob("*.py") if not path.name.startswith("__")]
    assert len(rooms) > 10
    assert [name for name in (*rooms, *files) if f"`{name}`" not in page] == []


PRIVATE_WORDS = (
    "unit machine personality revision hook hook-letter pin section case result outcome transport snapshot tool-root "
    "finding model trace known-failure mutant implementation"
)


def test_the_command_line_explains_words_of_the_glossary(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", "words"]) == 0
    lines = capsys.readouterr().out.splitlines()
    explained = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert {word.removesuffix("s") for word in explained} <= anchors(GLOSSARY)
    assert {line.split()[0] for line in lines if line.startswith(" ")} == {*PERSONALITIES, *REVISIONS, *HOOKS}


def test_the_glossary_has_each_private_word_hook_letter_revision_implementation_and_personality() -> None:
    words = [word for word in PRIVATE_WORDS.split() if word not in anchors(GLOSSARY)]
    words += [letter for letter in HOOKS if f"| `{letter}` | `arch_" not in GLOSSARY]
    words += [word for word in (*REVISIONS, *IMPLEMENTATIONS, *PERSONALITIES) if word not in GLOSSARY]
    if words:
        pytest.fail(f"docs/glossary.md lacks {words}: say in a sentence or a row what each is", pytrace=False)
