# SPDX-License-Identifier: GPL-2.0-only
"""Splits a console's text into lines, and takes the kernel's prefix and terminal codes off each."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Longer than any line of the kernel (PRINTK_MESSAGE_MAX in kernel/printk/internal.h). The scan ignores the rest of a
# line, so a flood without newlines cannot make its expressions slow.
_LONGEST = 2_048

_CODES = re.compile(r"\x1b\[[0-9;?]*+[ -/]*+[@-~]|\x1b[@-Z\\-_a-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
# A level, a time, and a task or CPU (CONFIG_PRINTK_CALLER). Text before a time is another program's unfinished line.
_PREFIX = re.compile(r"(?:<\d{1,3}>)?\[ {0,8}\d{1,9}\.\d{6}\] ?(?:\[ *[TC]\d{1,9}\] ?)?")
_LEVEL = re.compile(r"[\ufffd ]*+<\d{1,3}>|\ufffd+")


def _without_codes(line: str) -> str:
    return line if line.isprintable() else _CONTROL.sub("", _CODES.sub("", line))


def _record(line: str) -> str:
    prefix = _PREFIX.search(line) or _LEVEL.match(line)
    begin = prefix.end() if prefix else 0
    return line[begin : begin + _LONGEST]


def lines_and_records(text: str) -> Iterator[tuple[str, str]]:
    """Return each line without terminal codes, and its record: what printk() was given, without the prefix."""
    for line in text.split("\n"):
        clean = _without_codes(line)
        yield clean, _record(clean) if clean else ""
