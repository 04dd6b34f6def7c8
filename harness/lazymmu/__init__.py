# SPDX-License-Identifier: GPL-2.0-only
"""The lazy MMU test harness: data flows from cli down to report, imports never go up (docs/design.md)."""
