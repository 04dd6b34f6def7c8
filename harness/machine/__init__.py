# SPDX-License-Identifier: GPL-2.0-only
"""Emulated machines: the accelerator, QEMU's process, and the console that is watched from its first byte."""
