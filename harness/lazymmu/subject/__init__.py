# SPDX-License-Identifier: GPL-2.0-only
"""What is under test: operations, revisions, personalities, and the simulator that predicts a run. No I/O."""
