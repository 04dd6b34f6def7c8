# SPDX-License-Identifier: GPL-2.0-only
"""A guest that answers: QEMU, snapshots, the console, the agent's connection, and the watchdog."""
