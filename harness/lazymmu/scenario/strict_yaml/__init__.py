# SPDX-License-Identifier: GPL-2.0-only
"""YAML that knows where each part is written, without aliases, anchors, tags or YAML 1.1's traps."""
