# SPDX-License-Identifier: GPL-2.0-only
"""Copies of this checkout with a mistake in them. A mistake in C names a function and no line of it."""

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from lazymmu.support.project import ROOT

_PARTS = ("harness", "guest", "images", "scenarios")

#: Changes a checkout.
Edit = Callable[[Path], None]


def checkout_with(edits: Iterable[Edit], checkout: Path) -> Path:
    """Return a new folder with what a run needs, after these edits."""
    for part in _PARTS:
        # With the bytecode, which is valid for its source's time: compiling the harness takes as long as a test.
        # Bytecode that another process is writing has one more suffix.
        shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("*.pyc.*"))
    for edit in edits:
        edit(checkout)
    return checkout


def at_start_of(function: str, code: str, *, include: str = "") -> Edit:
    """Return the edit that inserts C at the start of a guest's function, and an #include at the start of its file."""
    definition = re.compile(rf"^\w[^\n;]*\b{function}\([^;{{]*\)\n\{{\n", re.MULTILINE)

    def edit(checkout: Path) -> None:
        found = [path for path in (checkout / "guest").rglob("*.c") if definition.search(path.read_text())]
        assert len(found) == 1, f"{function}() is defined in {found}"
        text = definition.sub(lambda match: f"{match[0]}\t{code}\n", found[0].read_text())
        found[0].write_text(f"#include <{include}>\n{text}" if include else text)

    return edit


def appended(name: str, text: str) -> Edit:
    """Return the edit that adds text to a file, which need not exist."""

    def edit(checkout: Path) -> None:
        with (checkout / name).open("a") as file:
            file.write(text)

    return edit
