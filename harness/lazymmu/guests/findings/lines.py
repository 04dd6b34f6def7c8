# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a console as the kernel meant them: without levels, times, carriage returns and terminal codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

# The kernel's own lines are no longer (kernel/printk/internal.h, PRINTK_MESSAGE_MAX). Nothing behind that is looked at,
# so that no expression of the table has to cope with a flood without newlines.
_LONGEST = 2_048

_CODES = re.compile(r"\x1b\[[0-9;?]*+[ -/]*+[@-~]|\x1b[@-Z\\-_a-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
# A level, a time, and a task or CPU (CONFIG_PRINTK_CALLER). What stands before a time belongs to somebody else's line,
# into which the kernel printed.
_PREFIX = re.compile(r"(?:<\d{1,3}>)?\[ {0,8}\d{1,9}\.\d{6}\] ?(?:\[ *[TC]\d{1,9}\] ?)?")
_LEVEL = re.compile(r"[\ufffd ]*+<\d{1,3}>|\ufffd+")


def clean(line: str) -> str:
    """Return a line without what only terminals understand."""
    if not line.isprintable():
        line = _CONTROL.sub("", _CODES.sub("", line))
    return line


def record(line: str) -> str:
    """Return a clean line without the kernel's prefix: what printk() was given."""
    found = _PREFIX.search(line) or _LEVEL.match(line)
    begin = found.end() if found else 0
    return line[begin : begin + _LONGEST]


def lines(text: str) -> Iterator[tuple[str, str]]:
    """Return each line of a text, clean, with its record."""
    for line in text.split("\n"):
        whole = clean(line)
        yield whole, record(whole) if whole else ""
