# SPDX-License-Identifier: GPL-2.0-only
"""An example program with what docs/semantics.md says about it, worked out by hand.

The simulator agrees with every example, and each slip of `test_slips.py` disagrees with at least one. An `Example` is
about one revision's state and hooks; an `Effect` is about the table, tasks and contexts, under several revisions.
"""

from collections.abc import Iterable, Mapping

from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Skip, Trace
from msgspec import Struct, field

from .notation import case, final_state, to_the_end

ARM64 = ("arm64",)
S390X = ("s390x",)
X86_64 = ("x86_64",)
NO_PAUSE_HOOKS = ("arm64", "x86_64")
EVERY_ARCH = ("arm64", "s390x", "x86_64")

#: Operations that not every revision has.
REVISION_BOUND = {"enable_with_ptes", "pause_task", "resume_task"}

EVERY_API = ("proposal", "amended", "v3", "v4", "merged", "with-ptes")
#: With the calls E D P R alone; they have neither a second counter nor calls on another task.
WITHOUT_PAUSE_COUNT = ("proposal", "amended", "v3", "v4")
WITH_X = ("amended", "with-ptes")
MERGED_ONES = ("merged", "with-ptes")


class Example(Struct, frozen=True):
    """One program under one revision, the same on the personalities named."""

    #: What it shows: the test's name.
    name: str
    program: str
    #: Letters of the hooks called.
    hooks: str
    #: For each letter: active as seen from inside the hook?
    inside: str
    #: The state at the end by position: (count, enabled), (nesting_level, active) or (enable_count, pause_count).
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


class Effect(Struct, frozen=True):
    """One program, the same under the revisions and personalities named; None: not looked at."""

    #: What it shows: the test's name.
    name: str
    program: str
    #: Answers of touch, get_pte, clear_pte and load, in order.
    values: tuple[int, ...] | None = ()
    #: None: every revision that has its operations.
    apis: tuple[str, ...] | None = None
    arches: tuple[str, ...] = EVERY_ARCH
    #: Entries outstanding at the end, and after each step in the order in which the steps end.
    outstanding: int = 0
    outstandings: tuple[int, ...] | None = None
    #: Counters worth pinning.
    counters: Mapping[str, int] = field(default_factory=dict)
    #: Letters of the hooks called, and whether the task was active as seen from inside each.
    hooks: str | None = None
    inside: str | None = None
    #: Memory's entries that are not 0 at the end.
    table: Mapping[int, int] | None = None
    #: Task -> its state at the end by position, in the order of the trace; all tasks.
    states: Mapping[str, tuple[int | bool, ...]] | None = None
    #: The task of each record, and whether the record has it active.
    tasks: tuple[str, ...] | None = None
    actives: str | None = None
    #: The number of the step at which the case is skipped.
    skipped: int | None = None

    def differences(self, trace: Trace | Skip) -> list[str]:
        """Return what in a trace, or in a skip, is not as this example has it."""
        if isinstance(trace, Skip) or self.skipped is not None:
            at = trace.step.index if isinstance(trace, Skip) else None
            return [] if at == self.skipped else [f"skipped at {at}, not {self.skipped}"]
        pairs: dict[str, tuple[object, object]] = {
            "values": (trace.values, self.values),
            "outstanding": (trace.outstanding, self.outstanding),
            "outstandings": (tuple(step.outstanding for step in trace.steps), self.outstandings),
            "hooks": (trace.hooks, self.hooks),
            "inside": (trace.hook_active, self.inside),
            "table": (trace.table, self.table),
            "states": ([(name, final_state(trace, name)) for name in trace.tasks], list((self.states or {}).items())),
            "tasks": (tuple(step.task for step in trace.steps), self.tasks),
            "actives": ("".join(str(int(step.active)) for step in trace.steps), self.actives),
        }
        looked_at = {what: pair for what, pair in pairs.items() if getattr(self, what) is not None}
        looked_at |= {name: (trace.counters[name], value) for name, value in self.counters.items()}
        return [f"{what}: {got!r}, not {wanted!r}" for what, (got, wanted) in looked_at.items() if got != wanted]

    def everywhere(self) -> list[tuple[str, str]]:
        """Return each of its revisions and personalities."""
        operations = {step.op for step in case(self.program).walk()} & REVISION_BOUND
        having = tuple(name for name, revision in REVISIONS.items() if operations <= revision.CALLS.keys())
        return [(api, arch) for api in self.apis or having for arch in self.arches]


def disagreements(examples: Iterable[Example], api: str) -> list[str]:
    """Return where the simulator does not agree with examples of a revision."""
    return [
        f"{example.name}, on {arch}: {differences}"
        for example in examples
        for arch in example.arches
        if (differences := example.differences(to_the_end(case(example.program), api, arch)))
    ]


def wrong_effects(effects: Iterable[Effect]) -> list[str]:
    """Return where the simulator does not agree with effects."""
    return [
        f"{effect.name}, {api} on {arch}: {differences}"
        for effect in effects
        for api, arch in effect.everywhere()
        if (differences := effect.differences(predict(case(effect.program), api, arch)))
    ]
