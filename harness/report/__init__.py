# SPDX-License-Identifier: GPL-2.0-only
"""Reports of a run, each made from the same results: for a person at a terminal or a log, and as JSON."""
