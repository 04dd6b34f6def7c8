# SPDX-License-Identifier: GPL-2.0-only
"""How a program gets into a guest and its report comes out, whole or not at all."""
