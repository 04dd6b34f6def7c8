# SPDX-License-Identifier: GPL-2.0-only
"""Writes program texts for the module, and reads its reports into traces (docs/protocol.md, sections 1 and 2)."""
