# SPDX-License-Identifier: GPL-2.0-only
"""What the cache holds and what `lazymmu clean` removes of it: nothing that is needed, in use, or outside."""
