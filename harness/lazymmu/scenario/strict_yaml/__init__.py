# SPDX-License-Identifier: GPL-2.0-only
"""YAML with line and column of each part, without aliases, anchors, tags or YAML 1.1's traps."""
