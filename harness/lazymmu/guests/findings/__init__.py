# SPDX-License-Identifier: GPL-2.0-only
"""Findings: what a console, a kernel log or QEMU's standard error says about trouble.

`find` is pure. What it can recognise is a table (`traps`, `kernel`, `qemu`): a new kind is a new row there, and a log
with its expected findings in `tests/fixtures/console`.
"""

from __future__ import annotations

from lazymmu.guests.findings.finding import Finding

__all__ = ["find"]


def find(text: str) -> tuple[Finding, ...]:
    """Return what a text tells of trouble, in the order of its lines (harness/lazymmu/guests/findings/scan.py)."""
    # The tables are read when something was said: most runs need none.
    from lazymmu.guests.findings.scan import find as search  # noqa: PLC0415

    return search(text)
