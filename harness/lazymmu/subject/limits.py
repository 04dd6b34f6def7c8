# SPDX-License-Identifier: GPL-2.0-only
"""Limits of what is under test, and of one case (docs/scenarios.md, "Limits"; docs/protocol.md, section 1)."""

#: Highest value of a nesting counter, and of a statistic or a page-table entry.
MAX_U8 = 255
MAX_U64 = (1 << 64) - 1

#: Entries of the module's private page table; ranges lie in 0 .. TABLE_ENTRIES.
TABLE_ENTRIES = 256

#: Operations of one case after expansion, blocks and checks included; and inside one context, at any depth.
MAX_OPERATIONS = 65_536
MAX_CONTEXT_OPERATIONS = 4_096

#: How deep `before_hook` may nest.
MAX_BEFORE_HOOK_DEPTH = 8

#: The task that every scenario starts in; tasks of one case, with `main` and forked ones; characters in a name.
MAIN_TASK = "main"
MAX_TASKS = 64
MAX_TASK_NAME = 32

#: CPUs of a guest that scenarios use: 0 and 1.
CPUS = 2

#: Longest `sleep`, in milliseconds.
MAX_SLEEP_MS = 1000
