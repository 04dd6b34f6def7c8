# SPDX-License-Identifier: GPL-2.0-only
"""Tables of console lines. Each file is one table with the names that `lazymmu.guests.findings.table` requires."""
