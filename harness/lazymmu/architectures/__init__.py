# SPDX-License-Identifier: GPL-2.0-only
"""The catalogue of architectures: one file each."""
