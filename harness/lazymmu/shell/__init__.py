# SPDX-License-Identifier: GPL-2.0-only
"""`lazymmu shell`: a prompt in a guest (`prompt`), what its guest has beside a run's, and the terminal on the host."""
