# SPDX-License-Identifier: GPL-2.0-only
"""The limits of what a scenario expands to, beside those of one case (`lazymmu.subject.limits`)."""

from __future__ import annotations

#: Combinations of `vary` values.
MAX_CASES = 65_536

#: Steps and turns of `repeat` in one case, and in all cases of one scenario. They bound the time of expansion, that of
#: empty turns included. Memory holds a few cases at once.
MAX_CASE_VISITS = 1 << 18
MAX_ALL_VISITS = 1 << 22
