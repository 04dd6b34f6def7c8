# SPDX-License-Identifier: GPL-2.0-only
"""The language of programs (docs/protocol.md, section 1), read a second time: what the module takes and refuses is held
against this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lazymmu.subject import limits
from lazymmu.subject.case import Case, Check, Step
from lazymmu.subject.operations import ANSWERING, BY_REVISION, CALLS, CONTEXTS, NEEDS_PREEMPTION
from lazymmu.subject.personalities import PERSONALITIES
from lazymmu.subject.revisions import REVISIONS
from lazymmu.support.errors import Place
from msgspec import Struct, field

_NUMBER = rb"(0|[1-9][0-9]{0,19})"
_NAME = rb"([A-Za-z_][A-Za-z0-9_-]{0,%d})" % (limits.MAX_TASK_NAME - 1)
# The header lines before the tasks, in their order, and the largest number that may stand there.
_HEAD = (
    (re.compile(rb"lazymmu-program (2)"), None),
    (re.compile(rb"run " + _NUMBER), 2**32 - 1),
    (re.compile(rb"revision (%b)" % "|".join(REVISIONS).encode()), None),
    (re.compile(rb"personality (%b)" % "|".join(PERSONALITIES).encode()), None),
)
_TASK = re.compile(rb"task %b %b" % (_NAME, _NUMBER))
_STEPS = re.compile(rb"steps " + _NUMBER)
_STEP = re.compile(_NUMBER + rb" ([a-z_]+)((?: [^ {]+)*)( \{)?")
_MAX_BYTES = 4 << 20
_WITH_HOOK = frozenset(CALLS) - {"flush"}
# In which context an interrupt may stand; no other stands in any.
_INTERRUPTIBLE = ("softirq", "bh_disabled")

# What an operation takes: its name in Step.args, and the least and the most that it may be (None: a task's name).
_INDEX = ("index", (0, limits.TABLE_ENTRIES - 1))
_TASK_NAME = ("task", None)
_ARGUMENTS: dict[str, tuple[tuple[str, tuple[int, int] | None], ...]] = {
    **dict.fromkeys((*_WITH_HOOK, "flush", "tlb_flush", *CONTEXTS), ()),
    **dict.fromkeys(ANSWERING, (_INDEX,)),
    **dict.fromkeys(("pause_task", "resume_task", "switch", "fork", "check"), (_TASK_NAME,)),
    "enable_with_ptes": (_INDEX, ("count", (1, limits.TABLE_ENTRIES))),
    "set_pte": (_INDEX, ("value", (0, 2**64 - 1))),
    "migrate": (("cpu", (0, limits.CPUS - 1)),),
    "sleep": (("ms", (0, limits.MAX_SLEEP_MS)),),
}


class MalformedError(Exception):
    """A program that is none; `line` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


class Program(Struct, frozen=True):
    """A program that the module must run."""

    run: int
    api: str
    personality: str
    case: Case


class _Open(Struct):
    """A step whose list is not closed yet; the first of all is the program itself."""

    index: int
    op: str
    args: dict[str, int | str]
    nested: list[Step] = field(default_factory=list)

    def step(self) -> Step:
        body, hook = (self.nested, []) if self.op in CONTEXTS else ([], self.nested)
        task = self.args.get("task")
        return Step(
            self.index,
            self.op,
            Place("program", self.index, 1),
            args=self.args,
            body=tuple(body),
            before_hook=tuple(hook),
            check=Check({}, str(task)) if self.op == "check" and task is not None else None,
        )


class _Tasks(Struct):
    """Where the tasks are, as far as the program is read."""

    cpus: dict[str, int] = field(default_factory=lambda: {limits.MAIN_TASK: 0})
    running: str = limits.MAIN_TASK

    def add(self, name: str, cpu: int) -> bool:
        """Add a task; return whether there may be one more of that name."""
        new = name not in self.cpus and len(self.cpus) < limits.MAX_TASKS
        return new and self.cpus.setdefault(name, cpu) == cpu

    def follow(self, op: str, args: Mapping[str, int | str]) -> bool:
        """Do what a step does; return whether it can."""
        task, cpu = str(args.get("task", self.running)), self.cpus[self.running]
        if op == "fork":
            return self.add(task, cpu)
        if task not in self.cpus or (op == "switch" and task == self.running):
            return False
        if op == "switch":
            self.running = task
        if op == "migrate":
            self.cpus[self.running] = int(args["cpu"])
            return args["cpu"] != cpu
        return True


def _arguments(op: str, words: list[bytes]) -> dict[str, int | str] | None:
    """Return what an operation takes, None when it is something else."""
    wanted = _ARGUMENTS.get(op)
    if wanted is None or (len(words) != len(wanted) and not (op == "check" and not words)):
        return None
    args: dict[str, int | str] = {}
    for word, (name, bounds) in zip(words, wanted, strict=False):
        if not re.fullmatch(_NAME if bounds is None else _NUMBER, word):
            return None
        args[name] = word.decode() if bounds is None else int(word)
        if bounds is not None and not bounds[0] <= int(word) <= bounds[1]:
            return None
    beyond = op == "enable_with_ptes" and int(args["index"]) + int(args["count"]) > limits.TABLE_ENTRIES
    return None if beyond else args


def _may_stand(op: str, count: int, *, opens: bool, open_lists: list[_Open]) -> bool:
    """Return whether an operation may stand where it does, with a list or without."""
    contexts = [entry for entry in open_lists[1:] if entry.op in CONTEXTS]
    if op in NEEDS_PREEMPTION and len(open_lists) > 1:
        return False
    if contexts and count - contexts[0].index > limits.MAX_CONTEXT_OPERATIONS:
        return False
    if op in CONTEXTS:
        inside = not contexts or (op == "interrupt" and len(contexts) == 1 and contexts[0].op in _INTERRUPTIBLE)
        return opens and inside
    hooks = len(open_lists) - 1 - len(contexts)
    return not opens or (op in _WITH_HOOK and hooks < limits.MAX_BEFORE_HOOK_DEPTH)


def _step(line: bytes, count: int, api: str, tasks: _Tasks, open_lists: list[_Open]) -> tuple[_Open, bool] | None:
    """Return the step of a line and whether it opens a list, None when it is malformed."""
    found = _STEP.fullmatch(line)
    if found is None or int(found[1]) != count:
        return None
    op, opens = found[2].decode(), found[4] is not None
    if op in BY_REVISION and op not in REVISIONS[api].CALLS:
        return None
    args = _arguments(op, found[3].split(b" ")[1:])
    if args is None or not _may_stand(op, count, opens=opens, open_lists=open_lists) or not tasks.follow(op, args):
        return None
    return _Open(count, op, args), opens


def _head(lines: list[bytes]) -> tuple[int, str, str]:
    """Return run, revision and personality."""
    values = []
    for number, (pattern, largest) in enumerate(_HEAD, start=1):
        found = pattern.fullmatch(lines[number - 1]) if number < len(lines) else None
        if found is None or (largest is not None and int(found[1]) > largest):
            raise MalformedError(number)
        values.append(found[1].decode())
    return int(values[1]), values[2], values[3]


def _tasks(lines: list[bytes]) -> tuple[_Tasks, int, int]:
    """Return the declared tasks, the number of steps, and the number of the line that has it."""
    tasks = _Tasks()
    for number, line in enumerate(lines[len(_HEAD) : -1], start=len(_HEAD) + 1):
        if found := _STEPS.fullmatch(line):
            if int(found[1]) > limits.MAX_OPERATIONS:
                raise MalformedError(number)
            return tasks, int(found[1]), number
        task = _TASK.fullmatch(line)
        if task is None or int(task[2]) >= limits.CPUS or not tasks.add(task[1].decode(), int(task[2])):
            raise MalformedError(number)
    raise MalformedError(len(lines))


def read(text: bytes) -> Program:
    """Return the program; MalformedError names the first line that is wrong."""
    if len(text) > _MAX_BYTES:
        raise MalformedError(1)
    # The last line, which has no newline, must be empty.
    lines = text.split(b"\n")
    run, api, personality = _head(lines)
    tasks, steps, head = _tasks(lines)
    declared = {name: cpu for name, cpu in tasks.cpus.items() if name != limits.MAIN_TASK}
    stack = [_Open(-1, "program", {})]
    count = 0
    for number in range(head + 1, len(lines)):
        line = lines[number - 1]
        if line == b"end":
            if len(stack) > 1 or count < steps:
                raise MalformedError(number)
            if lines[number:] != [b""]:
                raise MalformedError(number + 1)
            return Program(run, api, personality, Case(values={}, steps=tuple(stack[0].nested), tasks=declared))
        if line == b"}":
            if len(stack) == 1 or not stack[-1].nested:
                raise MalformedError(number)
            closed = stack.pop()
            stack[-1].nested.append(closed.step())
            continue
        step = _step(line, count, api, tasks, stack) if count < steps else None
        if step is None:
            raise MalformedError(number)
        count += 1
        begun, opens = step
        if opens:
            stack.append(begun)
        else:
            stack[-1].nested.append(begun.step())
    # The last line has no newline, or there is none where one was due.
    raise MalformedError(len(lines))
