# SPDX-License-Identifier: GPL-2.0-only
"""Lists in the documents are those of the code; `--update` rewrites them."""

import re
from pathlib import Path

import pytest

from docs import doc_lists
from tests.documents import DOCUMENTS, name
from tests.unit import examples


@pytest.fixture(scope="module")
def lists() -> dict[str, str]:
    return doc_lists.all_lists(examples.library())


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_lists_of_a_document_are_up_to_date(
    document: Path, lists: dict[str, str], request: pytest.FixtureRequest
) -> None:
    text = document.read_text()
    if request.config.getoption("--update"):
        document.write_text(doc_lists.rewritten(text, lists))
    elif text != doc_lists.rewritten(text, lists):
        pytest.fail(f"the lists in {name(document)} are out of date: run `./lazymmu test unit --update`", pytrace=False)


def test_the_documents_show_every_list_once(lists: dict[str, str]) -> None:
    shown = re.findall("(?m)^<!-- list: ([^>]+) -->$", "".join(document.read_text() for document in DOCUMENTS))
    lacking = [_what_to_write(wanted) for wanted in lists if wanted not in shown]
    if lacking:
        pytest.fail("\n".join(lacking), pytrace=False)
    assert len(shown) == len(lists), "a list is in the documents twice"


def _what_to_write(wanted: str) -> str:
    lines = f"the lines `<!-- list: {wanted} -->` and `<!-- end of list -->`"
    command = wanted.removeprefix("flags of ")
    if command == wanted:
        return f"no document has {lines}"
    return f"docs/command-line.md lacks a heading `## {command}` with {lines} below it"


def test_a_list_that_changed_is_rewritten_and_the_text_around_it_stays() -> None:
    text = "before\n<!-- list: a -->\nold\n<!-- end of list -->\nafter\n"
    new = doc_lists.rewritten(text, {"a": "* new"})
    assert new == "before\n<!-- list: a -->\n\n* new\n\n<!-- end of list -->\nafter\n"
    assert doc_lists.rewritten(new, {"a": "* new"}) == new
