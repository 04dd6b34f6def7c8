# SPDX-License-Identifier: GPL-2.0-only
"""Programs for maintainers; no command of lazymmu needs them."""
