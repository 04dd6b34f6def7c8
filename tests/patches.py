# SPDX-License-Identifier: GPL-2.0-only
"""Patches as mailing lists have them, made from two texts of a file."""

import difflib
from pathlib import Path

PGTABLE = "include/linux/pgtable.h"


def diff(before: str, after: str, path: str = PGTABLE, context: int = 3) -> str:
    """Return what `git diff` prints."""
    lines = difflib.unified_diff(
        before.splitlines(True), after.splitlines(True), f"a/{path}", f"b/{path}", n=context, lineterm="\n"
    )
    return f"diff --git a/{path} b/{path}\n{''.join(lines)}"


def mail(text: str, subject: str = "[PATCH] mm: change something") -> str:
    """Return a mail of `git format-patch` without the line before it."""
    return (
        f"From: Ann Author <ann@example.org>\nDate: Tue, 3 Nov 2026 10:00:00 +0000\nSubject: {subject}\n\n"
        f"Say why.\n\nSigned-off-by: Ann Author <ann@example.org>\n---\n file.h | 2 +-\n\n{text}-- \n2.47.0\n\n"
    )


def mbox(*mails: str) -> str:
    """Return the output of `b4 am`."""
    return "".join(f"From git@z Thu Jan  1 00:00:00 1970\n{one}" for one in mails)


def tree(folder: Path, text: str) -> Path:
    """Make a source tree with this pgtable.h."""
    (folder / PGTABLE).parent.mkdir(parents=True)
    (folder / PGTABLE).write_text(text)
    return folder
