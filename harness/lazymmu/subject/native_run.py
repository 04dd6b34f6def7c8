# SPDX-License-Identifier: GPL-2.0-only
"""What is seen of a run when the implementation is the running kernel's own.

The rules are the revision's; the page table and its counters are the kernel's business. What the kernel keeps for a
task beside the revision's state is seen, too (arm64: TIF_LAZY_MMU_PENDING; docs/native.md).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from lazymmu.subject.case import Step
from lazymmu.subject.simulated_run import Run
from lazymmu.subject.task import Task
from lazymmu.subject.trace import Skip, Trace
from lazymmu.subject.vocabulary import NATIVE, counter_names


class NativeRun(Run):
    """A run of which the state has what the kernel keeps, and the rest is left out of the trace."""

    def named(self, task: Task) -> dict[str, int | bool]:
        """Return the revision's state, and the architecture's own."""
        return {**super().named(task), **self.personality.kernel_state(task)}

    def play(self, steps: Iterable[Step]) -> Trace | Skip:
        """Run the whole case and return what is seen of it."""
        whole = super().play(steps)
        if isinstance(whole, Skip):
            return whole
        seen = frozenset(counter_names(self.personality.name, NATIVE))
        return replace(
            whole,
            counters={name: value for name, value in whole.counters.items() if name in seen},
            values=None,
            outstanding=None,
            table=None,
            steps=tuple(
                replace(
                    step,
                    counters={name: value for name, value in step.counters.items() if name in seen},
                    outstanding=None,
                    value=None,
                )
                for step in whole.steps
            ),
        )
