# SPDX-License-Identifier: GPL-2.0-only
"""Findings: what a console, a kernel log or QEMU's standard error says about trouble.

`scan.findings_in` is a pure function of a text. The files of `tables/` describe the lines that it recognises. A new
kind of finding needs a row there and, in `tests/fixtures/console`, a log with the findings that are expected in it.
"""
