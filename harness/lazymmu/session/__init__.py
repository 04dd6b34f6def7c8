# SPDX-License-Identifier: GPL-2.0-only
"""One run, from flags to exit status."""
