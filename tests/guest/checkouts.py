# SPDX-License-Identifier: GPL-2.0-only
"""Copies of this checkout with a mistake in them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lazymmu.support.project import ROOT

_PARTS = ("harness", "guest", "images", "scenarios")


def checkout_with(edits: Mapping[str, Sequence[str]], checkout: Path) -> Path:
    """Return a new folder with what a run needs, edited: file -> (text that is there once, text instead)."""
    for part in _PARTS:
        # With the bytecode, which is known by its source's time: to compile the harness takes as long as many a test.
        # What another process is writing of it has one more suffix.
        shutil.copytree(ROOT / part, checkout / part, ignore=shutil.ignore_patterns("*.pyc.*"))
    for name, (there, instead) in edits.items():
        path = checkout / name
        text = path.read_text()
        assert text.count(there) == 1, f"{name} no longer holds {there!r} once"
        path.write_text(text.replace(there, instead))
    return checkout


def replace_function(file: Path, function: str, replacement: Path) -> None:
    """Let a C file call the function in another file, whose name there is `replacement`, in place of this one."""
    source = replacement.read_text()
    prototype = re.search(r"^.*\breplacement\(.*\)$", source, re.MULTILINE)
    assert prototype, f"{replacement} defines no function `replacement`"
    text, calls = re.subn(rf"\b{function}\b", "replacement", file.read_text())
    assert calls, f"{file} does not use {function}()"
    file.write_text(f"struct lmm_run;\n{prototype[0]};\n{text}\n{source}")
