# SPDX-License-Identifier: GPL-2.0-only
"""What a guest is made of: tool root, kernels, guest archive and module builds, all cached by content."""
