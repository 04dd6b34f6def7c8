# SPDX-License-Identifier: GPL-2.0-only
"""What every room uses: errors, deadlines, interrupts, and where the project's files are."""
