# SPDX-License-Identifier: GPL-2.0-only
"""The types that every layer shares: words, cases, traces, errors. Imports nothing else of the harness."""
