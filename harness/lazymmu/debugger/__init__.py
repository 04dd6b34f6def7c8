# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu gdb`: a guest that stops before a step (`session`), and gdb in a sandbox of its own (`program`)."""
