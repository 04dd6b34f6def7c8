# SPDX-License-Identifier: GPL-2.0-only
"""An example program with what docs/semantics.md says about it, worked out by hand.

The same examples have two uses: the model must agree with every one, and each slip of `test_slips.py` must
disagree with at least one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.core.trace import Trace

from .notation import final_state

ARM64 = ("arm64",)
S390X = ("s390x",)
X86_64 = ("x86_64",)
NO_PAUSE_HOOKS = ("arm64", "x86_64")
EVERY_ARCH = ("arm64", "s390x", "x86_64")


@dataclass(frozen=True, slots=True)
class Example:
    """One program under one revision, the same on the personalities named."""

    #: What it shows: the test's name.
    name: str
    program: str
    #: Letters of the hooks called.
    hooks: str
    #: For each letter: active as seen from inside the hook?
    inside: str
    #: The state at the end by position: (count, enabled) or (enable_count, pause_count).
    state: tuple[int | bool, ...]
    active: bool
    warnings: int = 0
    arches: tuple[str, ...] = EVERY_ARCH
    #: Counters worth pinning beside the hooks' and the warnings.
    counters: Mapping[str, int] = field(default_factory=dict)
    #: Where it matters: the state after each step, in the order in which the steps end.
    states: tuple[tuple[int | bool, ...], ...] = ()

    def differences(self, trace: Trace) -> list[str]:
        """Return what in a trace is not as this example has it."""
        pairs: dict[str, tuple[object, object]] = {
            "hooks": (trace.hooks, self.hooks),
            "inside": (trace.hook_active, self.inside),
            "state": (final_state(trace), self.state),
            "active": (trace.tasks["main"]["active"], self.active),
            "warnings": (trace.counters["warnings"], self.warnings),
        }
        pairs |= {name: (trace.counters[name], value) for name, value in self.counters.items()}
        if self.states:
            pairs["states"] = (tuple(tuple(step.state.values()) for step in trace.steps), self.states)
        return [f"{what}: {got!r}, not {wanted!r}" for what, (got, wanted) in pairs.items() if got != wanted]

    def on_each_arch(self) -> list[tuple[Example, str]]:
        """Return this example with each of its personalities."""
        return [(self, arch) for arch in self.arches]
