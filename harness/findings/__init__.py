# SPDX-License-Identifier: GPL-2.0-only
"""Findings: what a console, a kernel log or QEMU's standard error says about trouble.

`find` is pure. What it can recognise is a table (`traps`, `kernel`, `qemu`): a new kind is a new row there, and a log
with its expected findings in `tests/fixtures/console`.
"""

from harness.findings.find import find

__all__ = ["find"]
