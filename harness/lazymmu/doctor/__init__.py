# SPDX-License-Identifier: GPL-2.0-only
"""The commands `doctor`, which checks what a run needs and changes nothing, and `clean`, which removes the rest."""
