# SPDX-License-Identifier: GPL-2.0-only
"""Ready guests: `machine.py` prepares what they are started from, `snapshots.py` keeps what they are restored from."""

from harness.supply.machine import GuestFile, Machine, make_bootable, prepare, untried
from harness.supply.supply import Supply

__all__ = ["GuestFile", "Machine", "Supply", "make_bootable", "prepare", "untried"]
