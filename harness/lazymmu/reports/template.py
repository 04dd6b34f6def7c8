# SPDX-License-Identifier: GPL-2.0-only
"""Fills in the pages that are Jinja2 templates."""

from collections.abc import Iterator
from pathlib import Path

from lazymmu.reports.plain import visible


def filled(file: Path, **values: object) -> Iterator[str]:
    """Yield the parts of a page: the template in a file, with these values, which `.html.jinja` escapes for HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(file.parent),
        autoescape=file.name.endswith(".html.jinja"),
        undefined=StrictUndefined,
        # A guest or a file may have characters that a browser cannot show.
        finalize=lambda value: visible(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    yield from environment.get_template(file.name).generate(values)
