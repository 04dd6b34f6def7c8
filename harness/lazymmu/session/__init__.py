# SPDX-License-Identifier: GPL-2.0-only
"""One run, from flags to exit status."""

#: What `--isolation` gives a guest of its own: each unit a booted one, each unit a restored one, no unit.
ISOLATIONS = ("boot", "scenario", "shared")
