# SPDX-License-Identifier: GPL-2.0-only
"""A slip: a model that is wrong in one thing; and ways to make one from a revision's right calls and state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.personality import Personality, PersonalityModel
from lazymmu.subject.revision import Caller
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.run import Run
from lazymmu.subject.trace import Skip, Trace
from msgspec import Struct, field

from .notation import case

#: What an operation does to a task's state, of whichever revision.
ApiCall = Callable[[Any, Caller], None]


class Slip(Struct, frozen=True):
    """One wrong model: calls or the state of a revision replaced, or what is common to all revisions."""

    name: str
    api: str
    calls: Mapping[str, ApiCall] = field(default_factory=dict)
    #: None: the revision's own.
    state: Callable[[], Any] | None = None
    run: type[Run] = Run
    #: Names of the model to replace while it plays, as monkeypatch takes them.
    patches: Mapping[str, object] = field(default_factory=dict)

    def play(self, program: str, arch: str) -> Trace:
        """Return what the wrong model makes of a program in the notation, which comes to its end."""
        right = REVISIONS[self.api]
        rules: Any = SimpleNamespace(STATE=self.state or right.STATE, CALLS={**right.CALLS, **self.calls})
        trace = self.run(rules, PERSONALITIES[arch], {}).play(case(program).steps)
        assert isinstance(trace, Trace)
        return trace


class SharedSlip(Struct, frozen=True):
    """One wrong model of every revision: a personality replaced, or what is common to all."""

    name: str
    run: type[Run] = Run
    #: The architecture whose personality is replaced, and its model; empty: none.
    arch: str = ""
    model: type[PersonalityModel] | None = None
    #: Names of the model to replace while it plays, as monkeypatch takes them.
    patches: Mapping[str, object] = field(default_factory=dict)

    def play(self, program: str, api: str, arch: str) -> Trace | Skip:
        """Return what the wrong model makes of a program in the notation."""
        played = case(program)
        return self.run(REVISIONS[api], self._personality(arch), played.tasks).play(played.steps)

    def _personality(self, arch: str) -> Personality:
        right: Any = PERSONALITIES[arch]
        if arch != self.arch:
            return right  # type: ignore[no-any-return]
        wrong: Any = SimpleNamespace(NAME=arch, MODEL=self.model)
        return wrong  # type: ignore[no-any-return]


class Rehooking:
    """Passes hooks on as `hooks` has them (a letter to another one, or to "" for none), and warnings if `warns`."""

    def __init__(self, caller: Caller, hooks: Mapping[str, str], *, warns: bool = True) -> None:
        self.caller = caller
        self.hooks = hooks
        self.warns = warns

    def hook(self, letter: str) -> None:
        """Call the hook that stands in for this one."""
        called = self.hooks.get(letter, letter)
        if called:
            self.caller.hook(called)

    def warn(self) -> None:
        """Count the failed check, or not."""
        if self.warns:
            self.caller.warn()


class Remembering:
    """Calls nothing, and keeps the hooks that were due."""

    def __init__(self) -> None:
        self.letters: list[str] = []

    def hook(self, letter: str) -> None:
        """Remember the hook."""
        self.letters.append(letter)

    def warn(self) -> None:
        """Count nothing."""


NO_HOOK = dict.fromkeys("elfprw", "")


def rehooked(call: ApiCall, hooks: Mapping[str, str]) -> ApiCall:
    """Return the call with some hooks replaced."""
    return lambda state, caller: call(state, Rehooking(caller, hooks))


def unchecked(call: ApiCall) -> ApiCall:
    """Return the call without its checks."""
    return lambda state, caller: call(state, Rehooking(caller, {}, warns=False))


def without_check(call: ApiCall, fails: Callable[[Any], bool]) -> ApiCall:
    """Return the call with one warning less where a check fails, which is seen when the call begins."""

    def changed(state: Any, caller: Caller) -> None:
        call(state, _Lenient(caller) if fails(state) else caller)

    return changed


class _Lenient(Rehooking):
    """Keeps back the first warning."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, {}, warns=False)

    def warn(self) -> None:
        """Count the failed check, but for the first."""
        super().warn()
        self.warns = True


def hook_last(call: ApiCall) -> ApiCall:
    """Return the call with its hook after every change of state."""

    def changed(state: Any, caller: Caller) -> None:
        due = Remembering()
        call(state, due)
        for letter in due.letters:
            caller.hook(letter)

    return changed


def hook_first(call: ApiCall) -> ApiCall:
    """Return the call with its hook before every change of state; a copy of the state tells which is due."""

    def changed(state: Any, caller: Caller) -> None:
        due = Remembering()
        call(copy.copy(state), due)
        for letter in due.letters:
            caller.hook(letter)
        call(state, Rehooking(caller, NO_HOOK))

    return changed


def skipped_if(condition: Callable[[Any], bool], call: ApiCall) -> ApiCall:
    """Return the call, doing nothing where the state is such."""

    def changed(state: Any, caller: Caller) -> None:
        if not condition(state):
            call(state, caller)

    return changed


def saturating(right: type[Any], counter: str, at: int) -> type[Any]:
    """Return the state with a counter that stays at 0 or at 255, where it should wrap."""

    class Saturating(right):  # type: ignore[misc]
        def __setattr__(self, name: str, value: int) -> None:
            wraps = name == counter and getattr(self, name, None) == at and value == 255 - at
            super().__setattr__(name, at if wraps else value)

    return Saturating
