# SPDX-License-Identifier: GPL-2.0-only
"""Strict YAML: files are read with line and column of each part, without aliases, anchors, tags or YAML 1.1's traps.

Scenarios and the file of known failures are read with it.
"""
