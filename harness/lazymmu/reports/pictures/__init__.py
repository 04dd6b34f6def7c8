# SPDX-License-Identifier: GPL-2.0-only
"""Pictures of what a case does over time: one layout, drawn as SVG or as text."""
