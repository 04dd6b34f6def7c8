# SPDX-License-Identifier: GPL-2.0-only
"""Links in the documents lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lazymmu.support.project import ROOT

from tests.documents import DOCUMENTS, anchors, links, name, prose


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_each_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for link in links(document.read_text()):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_each_path_of_the_tree_that_is_named_exists(document: Path) -> None:
    text = document.read_text().partition("## Recipes")[0]
    for path in re.findall(r"(?<!`)`((?:harness|guest|images|scenarios|tests|docs)/[\w./-]*)`", prose(text)):
        assert (ROOT / path).exists(), path


def test_the_index_of_the_site_lists_every_page() -> None:
    index = next(document for document in DOCUMENTS if name(document) == "docs/index.md")
    listed = {(index.parent / link).resolve() for link in links(index.read_text())}
    decisions = [document for document in DOCUMENTS if document.parent.name == "decisions" and document.stem != "index"]
    assert {*DOCUMENTS} - listed - {index, *decisions} == set()


def test_anchors_are_as_github_makes_them() -> None:
    text = "# A: b `c`!\n## Results folder (`--out DIR`)\n## [x](y.md) z\n## Same\n## Same\n```\n# no heading\n```\n"
    assert anchors(text) == {"a-b-c", "results-folder---out-dir", "x-z", "same", "same-1"}
