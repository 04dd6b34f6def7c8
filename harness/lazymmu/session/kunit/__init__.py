# SPDX-License-Identifier: GPL-2.0-only
"""KUnit: the kernel's own suites in a run, and a scenario as a KUnit suite."""
