# SPDX-License-Identifier: GPL-2.0-only
"""Slips in the simulator: the examples of this folder notice each.

A slip is one edit of the simulator's source. Most are mutants of docs/semantics.md, "Mutants".
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from lazymmu import subject
from lazymmu.subject import behaviour, simulator
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.subject.trace import Skip, Trace

from tests.unit.rows import each_row

from .example import FILES, Example, examples
from .notation import case

FOLDER = Path(str(subject.__file__)).parent

# A slip is a line `text that is there once => text instead`. ` / ` separates lines, whose indentation is left out.
SLIPS = r'''
[revisions/proposal.py]
caller.hook("f") => pass
caller.hook("f") => caller.hook("l")
if state.count == 0: / caller.hook(hook) => if True: / \tcaller.hook(hook)
caller.hook(hook) / state.enabled = True / state.count => state.enabled = True / caller.hook(hook) / state.count
state.count == 0: / caller.hook(hook) => not state.count: / \tstate.count = 1 / \tcaller.hook(hook) / \tstate.count = 0
state.enabled = False / caller.hook("l") => caller.hook("l") / state.enabled = False
state.enabled = False / caller.hook(hook) => caller.hook(hook) / state.enabled = False
state.enabled = False / caller.hook(hook) => caller.hook(hook)
caller.hook(hook) / state.enabled = True / STATE => state.enabled = True / caller.hook(hook) / STATE
caller.hook(hook) / state.enabled = True / STATE => caller.hook(hook) / STATE
caller.hook(hook) / state.enabled = True / STATE => state.count and caller.hook(hook) / state.enabled = True / STATE
return self.enabled => return self.enabled and self.count > 0
u8(state.count + 1) => min(state.count + 1, 255)
u8(state.count - 1) => max(state.count - 1, 0)
u8(state.count + 1) => (state.count + 1) & 3
u8(state.count - 1) => (state.count - 1) & 0xFFFF

[revisions/amended.py]
hook="p" => hook="l"
hook="r" => hook="e"
hook="w" => hook="e"
proposal.enable => state.count and caller.hook("w") / proposal.enable

[revisions/v3.py]
proposal.enable(state, caller) => state.enabled |= state.count == 0 / proposal.enable(state, caller)
state.count > 0 and state.enabled) / proposal.pause => True) / state.enabled and proposal.pause

[revisions/v4.py]
state.active = True / caller.hook("e") / def => caller.hook("e") / state.active = True / def
state.active = False / caller.hook("l") / else => caller.hook("l") / state.active = False / else
state.active = False / caller.hook("l") / def => caller.hook("l") / state.active = False / def
state.active = True / caller.hook("e") / STATE => caller.hook("e") / state.active = True / STATE
u8(state.nesting_level - 1) => u8(state.nesting_level - 1) / state.active = False

[revisions/merged.py]
caller.hook("l" if state.enable_count == 0 else "f") => state.enable_count or caller.hook("l")
"l" if state.enable_count == 0 else "f" => "l"
if enters: => if True:
return / if state.enable_count == MAX_U8 => state.enable_count += 1 / return / if state.enable_count == MAX_U8
return / if state.enable_count == 0 => state.enable_count -= 1 / return / if state.enable_count == 0
leaves = state.pause_count == 0 and state.enable_count > 0 => leaves = state.pause_count == 0
leaves = state.pause_count == 0 and state.enable_count > 0 => leaves = state.enable_count > 0
u8(state.pause_count + 1) => 1
if state.pause_count == 0 and state.enable_count > 0 => if state.enable_count > 0
if state.pause_count == 0 and state.enable_count > 0 => if state.pause_count == 0
u8(state.pause_count - 1) => 0
return self.enable_count > 0 and self.pause_count == 0 => return self.enable_count > 0
= u8(state.enable_count + 1) / if => += 0 / enters and caller.hook(hook) / state.enable_count += 1 / if 0 and
= u8(state.pause_count + 1) / if => += 0 / leaves and caller.hook("l") / state.pause_count += 1 / if 0 and
u8(state.enable_count + 1) => min(state.enable_count + 1, 255)
u8(state.enable_count - 1) => max(state.enable_count - 1, 0)
u8(state.pause_count + 1) => min(state.pause_count + 1, 255)
u8(state.pause_count - 1) => max(state.pause_count - 1, 0)
u8(state.enable_count + 1) => (state.enable_count + 1) & 3
u8(state.pause_count - 1) => (state.pause_count - 1) & 0xFFFF

[revisions/with_ptes.py]
hook="w" => hook="e"

[behaviour.py]
if not run.in_interrupt: => if True:
run.count(operation) / if not run.in_interrupt: => if not run.in_interrupt: / \trun.count(operation)
call.run.count("flush") => pass
call.hook("f") => call.run.in_interrupt or call.hook("f")
call.hook("f") => call.run.active and call.hook("f")
call.run.revision.CALLS[call.step.op] => call.run.in_interrupt or call.run.revision.CALLS[call.step.op]
(call.named_task.state, call) => (call.run.task.state, call)
call.run.revision.CALLS[call.step.op] => call.run.count(call.step.op[:-5]) / call.run.revision.CALLS[call.step.op]
if call.step.args: => if False:
call.number("value")) => call.number("value") & 0xFFFFFFFF)
"deferred" if deferred => "deferred" if run.active
get_pte(call) / _write(call, 0) => _write(call, 0) / get_pte(call)
int(call.number("index") not in call.run.model.outstanding) => 1
int(call.number("index") not in call.run.model.outstanding) => int(not call.run.model.outstanding)
if is_valid(value): => if True:
if is_valid(value): => if False:
value = run.memory[index] => value = run.model.read(run.task, index)
call.run.tlb.clear() => pass
run.in_interrupt = before => run.in_interrupt = False
run.in_interrupt = before => run.in_interrupt = True
(irqs_off, => (irqs_off,)}, "interrupt": irqs_off, **{one.__name__: one for one in (
(irqs_off, => (irqs_off,)}, "softirq": irqs_off, **{one.__name__: one for one in (
(irqs_off, => (irqs_off,)}, "bh_disabled": irqs_off, **{one.__name__: one for one in (
(irqs_off, => (irqs_off,)}, "irqs_off": in_interrupt, **{one.__name__: one for one in (
_leave_cpu(call) / call.run.task = call => call.run.task = call
call.run.task = call.subject = call.named_task => call.run.task = call.named_task
_leave_cpu(call) / call.run.task.cpu => call.run.task.cpu
call.run.model.leave_cpu => call.run.active and call.hook("l") / call.run.model.leave_cpu
call.run.model.leave_cpu => call.run.task.state = call.run.revision.STATE() / call.run.model.leave_cpu
if call.run.model.preemption_off(call.run.task) => if False
_need_preemption(call) / run, name => run, name
copy.copy(run.task.state) => run.revision.STATE()
copy.copy(run.task.state) => run.task.state
run.model.fork(run.task, child) => run.model.fork(run.task, child) / run.task = child

[simulator.py]
not self.in_interrupt and task.state.active => task.state.active
if self.step.before_hook: => if False:
"1" if run.active else "0" => "1" if run.task.state.active else "0"
letter if letter in self.model.hooks else INSTEAD_OF_OPTIONAL[letter] => INSTEAD_OF_OPTIONAL.get(letter, letter)
self.entries if called == "w" else range(0) => range(0)
self.counters[counter] + number => (self.counters[counter] + number) & 255
revision.STATE()) for => self.__dict__.setdefault(f"cpu{cpu}", revision.STATE())) for

[personalities/arm64.py]
self.barrier(task.cpu) / self.pending.discard(task.name) => self.barrier(task.cpu)
"f": self.complete => "f": nothing
if task.name in self.pending: / self.barrier => if True: / \tself.barrier
self.barrier(task.cpu) / return False => self.barrier(task.cpu) / self.pending.discard(task.name) / return False
self.barrier(task.cpu) / return False => self.barrier(task.cpu) / self.pending.add(task.name) / return False
if not is_valid(value): / return False => pass
self.outstanding.pop(index, None) => pass
if maker == task.name => if False
for index in [index for index, (maker => self.count("barriers") / for index in [index for index, (maker
for index in [index for index, (maker => self.pending.discard(task.name) / for index in [index for index, (maker
self.pending.add(child.name) => pass
self.pending.add(child.name) => self.pending.add(child.name) / self.pending.discard(parent.name)
"e": nothing => "e": self.complete
"w": nothing => "w": self.complete

[personalities/s390x.py]
if active and batch.entries => if batch.entries
batch.entries = entries => batch.entries = range(entries.start - 1, entries.stop)
batch.entries = entries => batch.entries = range(entries.start + 1, entries.stop)
batch.entries = entries => batch.entries = range(entries.start, entries.stop - 1)
batch.entries = entries => batch.entries = range(entries.start, entries.stop + 1)
 or is_valid(memory[index]) != is_valid(memory[run[-1]])) => )
index != run[-1] + 1 or => False or
in sorted(indices) => in indices
if is_valid(self.memory[run[0]]): => if True:
self.invalidate(1) => pass
if is_valid(self.memory[index]): => if True:
self.count("iptes") => self.count("iptes", entries)
.slots.get(index, self.memory[index]) => .slots.get(-1, self.memory[index])
.slots.get(index, self.memory[index]) => .slots.get(index) or self.memory[index]
batch.slots.pop(index, None) => pass
"e": self.enter, => "e": self.leave,
or none.""" / self.apply(task) => or none."""
preemption on.""" / self.apply(task) => preemption on."""
"f": self.flush => "f": nothing
"f": self.flush => "f": self.enter
"p": self.flush => "p": nothing
"p": self.flush => "p": self.leave
"r": nothing => "r": self.enter
"r": nothing => "r": self.flush
batch.entries = entries or None => batch.entries = entries or batch.entries
batch.entries = entries or None / batch.preemption_off = True => batch.entries = entries or None
batch.entries = None / batch.preemption_off = False => batch.preemption_off = False
batch.entries = None / batch.preemption_off = False => batch.entries = None

[personalities/x86_64.py]
QUEUE_LENGTH = 32 => QUEUE_LENGTH = 31
QUEUE_LENGTH = 32 => QUEUE_LENGTH = 320
return active => return active and bool(queue)
queue.append((index, value)) => queue[:] = [one for one in queue if one[0] != index] / queue.append((index, value))
queue.append((index, value)) => queue.insert(len(queue) if active else 0, (index, value))
if not active or => if not active or not value & 1 or
if not queue: / return => pass
("updates", len(queue)) => ("updates")
in queue: => in queue[::-1]:
and no task's state changes.""" / self.issue(task.cpu) => """
"f": self.complete => "f": nothing
"e": nothing => "e": self.complete
"w": nothing => "w": self.complete
'''


def slips() -> Iterator[tuple[str, str, str]]:
    """Yield file, text that is there, and text instead; checks of the API that are left out are slips, too."""
    file = ""
    for line in filter(None, SLIPS.splitlines()):
        if line.startswith("["):
            file = line.strip("[]")
            for check in re.findall(r"(if .*:)\n +caller\.warn\(\)", (FOLDER / file).read_text()):
                yield file, f"{check} / caller.warn()", "pass"
            for checks in re.findall(r"    check\(caller, (.*)\)", (FOLDER / file).read_text()):
                for check in checks.split(", "):
                    yield file, f"caller, {checks})", f"caller, {checks.replace(check, 'True')})"
        else:
            there, instead = line.split(" => ")
            yield file, there, instead


def edited(text: str, there: str, instead: str) -> str:
    """Return a source with the one place of a text replaced."""
    old, new = there.split(" / "), instead.replace(r"\t", "    ").split(" / ")
    found = [*re.finditer(r"(\s*\n\s*)".join(map(re.escape, old)), text)]
    assert len(found) == 1, f"it has {there!r} {len(found)} times"
    start, end = found[0].span()
    line = text[text.rfind("\n", 0, start) + 1 :]
    breaks = ["\n" + line[: len(line) - len(line.lstrip())]] * (len(new) - 1)
    if old[-1] == new[-1] and len(old) > 1 and len(new) > 1:  # the last line keeps the break before it
        breaks[-1] = found[0].groups()[-1]
    return text[:start] + "".join(map("".join, zip(new, [*breaks, ""], strict=True))) + text[end:]


class Simulator:
    """The simulator with one file edited."""

    def __init__(self, file: str, there: str, instead: str) -> None:
        module = ModuleType(f"lazymmu.subject.{file.removesuffix('.py').replace('/', '.')}")
        text = edited((FOLDER / file).read_text(), there, instead)
        exec(compile(text, file, "exec"), module.__dict__)  # noqa: S102  (our own source)
        self._run: Any = simulator.Run
        self._revisions: dict[str, Any] = dict(REVISIONS)
        self._personalities: dict[str, Any] = dict(PERSONALITIES)
        #: The only revision, or personality, that is concerned.
        self.api = self.arch = ""
        if file == "simulator.py":
            self._run = module.Run
        elif file == "behaviour.py":
            module.PreemptionOff = behaviour.PreemptionOff  # type: ignore[attr-defined]
            self._run = type("Run", (simulator.Run,), {"behaviours": module.BEHAVIOURS})
        elif file.startswith("revisions/"):
            self.api = module.NAME
            self._revisions[self.api] = module
        else:
            self.arch = module.NAME
            self._personalities[self.arch] = module

    def predict(self, program: str, api: str, arch: str) -> Trace | Skip:
        """Return what the edited simulator predicts for a program in the notation."""
        played = case(program)
        predicted: Trace | Skip = self._run(self._revisions[api], self._personalities[arch], played.tasks).play(
            played.steps
        )
        return predicted


@cache
def plays() -> list[Example]:
    """Return every example: short programs first."""
    return sorted((one for file in FILES for one in examples(file)), key=lambda one: "*" in one.program)


def noticed(simulator: Simulator) -> bool:
    """Return whether any example differs under the edited simulator."""
    return any(
        one.differences(simulator.predict(one.program, one.api, one.arch))
        for one in plays()
        if simulator.api in ("", one.api) and simulator.arch in ("", one.arch)
    )


@each_row(("file", "there", "instead"), slips())
def test_the_examples_notice_each_slip(file: str, there: str, instead: str) -> None:
    assert noticed(Simulator(file, there, instead))


def test_an_edit_without_effect_is_not_noticed() -> None:
    """So the test above finds the slips, and not the way in which they are made."""
    assert not noticed(Simulator("simulator.py", "from __future__", "from __future__"))
