# SPDX-License-Identifier: GPL-2.0-only
"""A prompt in a guest: its machine, what travels into it, and the terminal on the host."""
