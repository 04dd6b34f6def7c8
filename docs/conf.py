# SPDX-License-Identifier: GPL-2.0-only
"""Sphinx's settings: `sphinx-build -W -c docs . site` in the checkout.

The pages are plain Markdown that also reads well without Sphinx. They hold no toctree directive: each list of links in
a page called `index` becomes one.
"""

import re
from pathlib import Path, PurePosixPath

from sphinx.application import Sphinx

project = "lazymmu"
html_title = "lazymmu"
html_theme = "furo"
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "docs/*/*.md"]
myst_heading_anchors = 4


def _add_contents(_app: Sphinx, page: str, source: list[str]) -> None:
    """Append a table of contents for each section of an index page that lists links."""
    if PurePosixPath(page).name != "index":
        return
    for section in source[0].split("\n## ")[1:]:
        targets = re.findall(r"^\* \[[^\]]*\]\(([^)]*)\.md\)", section, re.MULTILINE)
        if targets:
            caption = section.partition("\n")[0]
            source[0] += "\n```{{toctree}}\n:hidden:\n:caption: {}\n\n{}\n```\n".format(caption, "\n".join(targets))


def _add_entrance(app: Sphinx, error: Exception | None) -> None:
    """Lead whoever opens the site's folder to its first page."""
    if error is None and app.builder.name == "html":
        redirect = f'<meta charset="utf-8"><meta http-equiv="refresh" content="0; url={root_doc}.html">\n'
        (Path(app.outdir) / "index.html").write_text(f"<!doctype html><title>lazymmu</title>{redirect}")


def setup(app: Sphinx) -> None:
    """Register both."""
    app.connect("source-read", _add_contents)
    app.connect("build-finished", _add_entrance)
