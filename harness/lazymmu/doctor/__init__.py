# SPDX-License-Identifier: GPL-2.0-only
"""What is there, what is missing, and whether a run could work; nothing is fetched, built or repaired."""
