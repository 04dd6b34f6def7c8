# SPDX-License-Identifier: GPL-2.0-only
"""The language of programs (docs/protocol.md, section 1), read a second time: what the module takes and refuses is held
against this.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.core import vocabulary
from harness.core.case import Case, Step
from harness.core.errors import Place

_NUMBER = rb"(0|[1-9][0-9]{0,9})"
# The header lines in their order, and the largest number that may stand there.
_HEAD = (
    (re.compile(rb"lazymmu-program (1)"), None),
    (re.compile(rb"run " + _NUMBER), 2**32 - 1),
    (re.compile(rb"revision (%b)" % "|".join(vocabulary.REVISIONS).encode()), None),
    (re.compile(rb"personality (%b)" % "|".join(vocabulary.PERSONALITIES).encode()), None),
    (re.compile(rb"steps " + _NUMBER), vocabulary.MAX_OPERATIONS),
)
_STEP = re.compile(_NUMBER + rb" ([a-z_]+)(?: %b %b)?( \{)?" % (_NUMBER, _NUMBER))
_MAX_BYTES = 4 << 20
_WITH_HOOK = frozenset(vocabulary.CALLS) - {"flush"}


class MalformedError(Exception):
    """A program that is none; `line` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Program:
    """A program that the module must run."""

    run: int
    api: str
    personality: str
    case: Case


@dataclass
class _Open:
    """A step whose list is not closed yet; the first of all is the program itself."""

    index: int
    op: str
    args: dict[str, int]
    nested: list[Step] = field(default_factory=list)

    def step(self) -> Step:
        body, hook = (self.nested, []) if self.op == "interrupt" else ([], self.nested)
        place = Place("program", self.index, 1)
        return Step(self.index, self.op, place, args=self.args, body=tuple(body), before_hook=tuple(hook))


def _step(line: bytes, count: int, revision: vocabulary.Revision, open_lists: list[_Open]) -> tuple[_Open, bool] | None:
    """Return the step of a line and whether it opens a list, None when it is malformed."""
    found = _STEP.fullmatch(line)
    if found is None or int(found[1]) != count:
        return None
    op, opens = found[2].decode(), found[5] is not None
    interrupts = [entry for entry in open_lists[1:] if entry.op == "interrupt"]
    if (op in vocabulary.CALLS and op not in revision.operations) or (
        op not in vocabulary.CALLS and op not in ("check", "interrupt")
    ):
        return None
    args = {}
    if (op == "enable_with_ptes") != (found[3] is not None):
        return None
    if op == "enable_with_ptes":
        args = {"index": int(found[3]), "count": int(found[4])}
        if not 0 < args["count"] <= vocabulary.TABLE_ENTRIES - args["index"]:
            return None
    if interrupts and (op == "interrupt" or count - interrupts[0].index > vocabulary.MAX_CONTEXT_OPERATIONS):
        return None
    if op == "interrupt":
        allowed = opens
    else:
        hooks = len(open_lists) - 1 - len(interrupts)
        allowed = not opens or (op in _WITH_HOOK and hooks < vocabulary.MAX_BEFORE_HOOK_DEPTH)
    return (_Open(count, op, args), opens) if allowed else None


def _head(lines: list[bytes]) -> tuple[int, str, str, int]:
    """Return run, revision, personality and number of steps."""
    values = []
    for number, (pattern, largest) in enumerate(_HEAD, start=1):
        found = pattern.fullmatch(lines[number - 1]) if number < len(lines) else None
        if found is None or (largest is not None and int(found[1]) > largest):
            raise MalformedError(number)
        values.append(found[1].decode())
    _, run, api, personality, steps = values
    return int(run), api, personality, int(steps)


def read(text: bytes) -> Program:
    """Return the program; MalformedError names the first line that is wrong."""
    if len(text) > _MAX_BYTES:
        raise MalformedError(1)
    # The last line, which has no newline, must be empty.
    lines = text.split(b"\n")
    run, api, personality, steps = _head(lines)
    stack = [_Open(-1, "program", {})]
    count = 0
    for number in range(len(_HEAD) + 1, len(lines)):
        line = lines[number - 1]
        if line == b"end":
            if len(stack) > 1 or count < steps:
                raise MalformedError(number)
            if lines[number:] != [b""]:
                raise MalformedError(number + 1)
            return Program(run, api, personality, Case(values={}, steps=tuple(stack[0].nested)))
        if line == b"}":
            if len(stack) == 1 or not stack[-1].nested:
                raise MalformedError(number)
            closed = stack.pop()
            stack[-1].nested.append(closed.step())
            continue
        step = _step(line, count, vocabulary.REVISIONS[api], stack) if count < steps else None
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
