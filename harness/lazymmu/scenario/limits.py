# SPDX-License-Identifier: GPL-2.0-only
"""The limits of a scenario file and of what it expands to, beside those of `lazymmu.subject.limits`."""

from __future__ import annotations

#: Size of a scenario file, in bytes.
MAX_FILE_BYTES = 1 << 20

#: How deep lists and mappings may nest in a file; the outermost mapping is level 1.
MAX_YAML_LEVELS = 64

#: Combinations of `vary` values.
MAX_CASES = 65_536

#: Steps and turns of `repeat` looked at while expanding one case, and all cases of one scenario: they bound time,
#: that of empty turns included (about half a minute to predict all cases once). Memory holds a few cases at once.
MAX_CASE_VISITS = 1 << 18
MAX_ALL_VISITS = 1 << 22

#: Highest value of the nesting counters (u8).
MAX_U8 = 255

#: Highest value of a statistic or a page-table entry (64 bits).
MAX_U64 = (1 << 64) - 1
