# SPDX-License-Identifier: GPL-2.0-only
"""What `lazymmu bench` measures, and how its figures are shown."""
