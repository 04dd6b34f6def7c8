# SPDX-License-Identifier: GPL-2.0-only
"""Names of machines; a machine is an architecture with a kernel."""

#: The kernel of images/kernels.yaml that guests have by default.
DEFAULT_KERNEL = "lts"


def machine_name(arch: str, kernel: str) -> str:
    """Return the name of a guest for a person: its architecture, and its kernel if that is not the default one."""
    return arch if kernel == DEFAULT_KERNEL else f"{arch} {kernel}"
