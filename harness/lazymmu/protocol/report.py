# SPDX-License-Identifier: GPL-2.0-only
"""Reads the module's report out of kernel-log records (docs/protocol.md, section 2): a pure function of its lines.

A report is an error until every line of it has proved otherwise.
"""

from __future__ import annotations

import errno
import functools
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.protocol.program import revision
from lazymmu.subject.case import Case
from lazymmu.subject.counters import counter_names
from lazymmu.subject.implementations import IMPLEMENTATIONS, MODULE, state_of
from lazymmu.subject.limits import MAIN_TASK, TABLE_ENTRIES
from lazymmu.subject.operations import ANSWERING
from lazymmu.subject.trace import StepTrace, Trace
from lazymmu.support.errors import GuestError

_PREFIX = "lazymmu: "
# The answer stands apart, for it differs where all other words are the same.
_STEP = re.compile(
    r"step (\d+) (\w+ task=\S+ hooks=\S+ inside=\S+ active=[01]) (?:value=(\d{1,20}) )?([^|]*) \|((?: \w+=\d+)*)",
    re.ASCII,
)
_WORDS = re.compile(r"(\w+) task=(\S+) hooks=(\S+) inside=(\S+) active=([01])", re.ASCII)
_COUNTER = re.compile(r" (\w+)=(\d+)", re.ASCII)
_TASK = re.compile(r"task (\S+) (.*) active=([01])", re.ASCII)
_TABLE = re.compile(r"table outstanding=(\d{1,3}) entries=(\d{1,3})", re.ASCII)
_ENTRIES = re.compile(r"entries \d{1,3}:\d{1,20}(?:,\d{1,3}:\d{1,20})*", re.ASCII)
_END = re.compile(r"end lines=(\d+) crc=([0-9a-f]{8})", re.ASCII)
_HOOKS = re.compile(r"[elfprw]?")
#: Highest entry of the table, 64 bits.
_MAX_VALUE = (1 << 64) - 1


class _Malformed(Exception):
    """A line that does not say what it should."""


# Compared by what it is, since each is made once: a report asks for it with every line.
class _Form(Struct, frozen=True, eq=False):
    """What the reports of one revision, implementation and personality hold."""

    revision: str
    #: A task's state: names with their types.
    state: tuple[tuple[str, type], ...]
    #: Every counter, each by the same text so that it is held once.
    counters: Mapping[str, str]
    #: Nothing is told of the page table.
    hooks_only: bool


@functools.cache
def _form(api: str, impl: str, personality: str) -> _Form:
    return _Form(
        revision=revision(api, impl),
        state=state_of(api, personality, impl),
        counters={name: name for name in counter_names(personality, impl)},
        hooks_only=IMPLEMENTATIONS[impl].hooks_only,
    )


def _pairs(words: str) -> dict[str, int]:
    """Return `name=number` words as a mapping, in order."""
    pairs: dict[str, int] = {}
    for word in words.split():
        name, equals, number = word.partition("=")
        if not equals or not number.isdecimal() or name in pairs:
            raise _Malformed(f"`{word}` is not a new name=number")
        pairs[name] = int(number)
    return pairs


def _typed_state(form: _Form, pairs: Mapping[str, int]) -> dict[str, int | bool]:
    """Return a task's state by its names; anything more or less is malformed."""
    if set(pairs) != {name for name, _ in form.state}:
        raise _Malformed(f"state {' '.join(pairs)} is not that of {form.revision}")
    if any(kind is bool and pairs[name] > 1 for name, kind in form.state):
        raise _Malformed(f"a flag that is neither 0 nor 1 in {pairs}")
    return {name: kind(pairs[name]) for name, kind in form.state}


def _dash(word: str) -> str:
    return "" if word == "-" else word


class _Outcome(NamedTuple):
    """What a step line says beside its number, answer and counters; few of these words differ from line to line."""

    op: str
    task: str
    hooks: str
    hook_active: str
    active: bool
    state: Mapping[str, int | bool]
    outstanding: int | None


@functools.lru_cache(maxsize=4096)
def _outcome(form: _Form, words: str, numbers: str) -> _Outcome:
    """Return what these words of a step line say. Most lines repeat another one's, whose answer they share."""
    found = _WORDS.fullmatch(words)
    if found is None:
        raise _Malformed("a step line was due")
    hooks, inside = _dash(found[3]), _dash(found[4])
    if not _HOOKS.fullmatch(hooks) or len(inside) != len(hooks) or inside.strip("01"):
        raise _Malformed(f"hooks={found[3]} inside={found[4]}")
    state = _pairs(numbers)
    outstanding = state.pop("outstanding", None)
    if (outstanding is None) is not form.hooks_only:
        raise _Malformed(f"outstanding is {'missing' if outstanding is None else 'not to be seen'}")
    return _Outcome(
        op=found[1],
        task=found[2],
        hooks=hooks,
        hook_active=inside,
        active=found[5] == "1",
        state=_typed_state(form, state),
        outstanding=outstanding,
    )


def _step(form: _Form, text: str) -> StepTrace:
    """Return what a step line says."""
    found = _STEP.fullmatch(text)
    if found is None:
        raise _Malformed("a step line was due")
    number, words, told, state, changes = found.groups()
    outcome = _outcome(form, words, state)
    value = None if told is None else int(told)
    if (value is None) is (outcome.op in ANSWERING and not form.hooks_only):
        raise _Malformed(f"step {number} {outcome.op} has {'no answer' if value is None else 'an answer'}")
    if value is not None and value > (1 if outcome.op == "touch" else _MAX_VALUE):
        raise _Malformed(f"step {number} {outcome.op} cannot have the answer {value}")
    try:
        changed = {form.counters[name]: int(amount) for name, amount in _COUNTER.findall(changes)}
    except KeyError as error:
        raise _Malformed(f"counter {error} is not known") from None
    if len(changed) != changes.count("="):
        raise _Malformed(f"a counter stands twice:{changes}")
    return StepTrace(int(number), *outcome, changed, value)


def _table(lines: list[str]) -> tuple[int, dict[int, int]]:
    """Take the lines of the table, and return what is outstanding and the entries that are not 0."""
    found = _TABLE.fullmatch(_take(lines, "table"))
    if found is None or int(found[1]) > TABLE_ENTRIES:
        raise _Malformed("the table line was due")
    table: dict[int, int] = {}
    last = -1
    while lines and lines[0].startswith("entries "):
        line = lines.pop(0)
        if not _ENTRIES.fullmatch(line):
            raise _Malformed(f"`{line}` is no line of the table")
        for entry in line.removeprefix("entries ").split(","):
            index, value = map(int, entry.split(":"))
            if not last < index < TABLE_ENTRIES or not 0 < value <= _MAX_VALUE:
                raise _Malformed(f"`{entry}` cannot be the next entry of the table")
            table[index], last = value, index
    if len(table) != int(found[2]):
        raise _Malformed(f"the table has {len(table)} entries, and says that it has {found[2]}")
    return int(found[1]), table


def _task(form: _Form, text: str) -> tuple[str, dict[str, int | bool]]:
    found = _TASK.fullmatch(text)
    if found is None:
        raise _Malformed("a task line was due")
    state, active = _typed_state(form, _pairs(found[2])), found[3] == "1"
    # v4 has a flag of this name, which is the same outside interrupt.
    if state.get("active", active) is not active:
        raise _Malformed(f"task {found[1]} is active and is not")
    return found[1], {**state, "active": active}


def _tasks(case: Case) -> list[str]:
    """Return the tasks of a case in the order of their lines; a fork is never nested, so each one comes to be."""
    forked = (str(step.args["task"]) for step in case.steps if step.op == "fork")
    return [MAIN_TASK, *case.tasks, *forked]


def _own_lines(records: Sequence[str], run: int) -> list[str]:
    """Return the lines of this run, without prefix; other kernel messages may stand between them."""
    of_a_run, own = f"{_PREFIX}run ", f"run {run} "
    lines = [record.removeprefix(_PREFIX) for record in records if record.startswith(of_a_run)]
    strange = [line for line in lines if not line.startswith(own)]
    if strange:
        raise _Malformed(f"a line of another run: {strange[0]}")
    return lines


def _whole(lines: Sequence[str], run: int) -> list[str]:
    """Return what each line says, once `end` has vouched for all of them."""
    own = f"run {run} "
    end = _END.fullmatch(lines[-1].removeprefix(own) if lines else "")
    if end is None:
        raise _Malformed("it has no end")
    body = lines[:-1]
    crc = zlib.crc32("\n".join([*body, ""]).encode())
    if int(end[1]) != len(body) or int(end[2], 16) != crc:
        raise _Malformed(f"{len(body)} lines with checksum {crc:08x}, the end says {end[1]} with {end[2]}")
    return [line.removeprefix(own) for line in body]


def _take(lines: list[str], word: str) -> str:
    """Take the next line, which must begin with that word."""
    if not lines or not lines[0].startswith(f"{word} "):
        raise _Malformed(f"a {word} line was due")
    return lines.pop(0)


def _assemble(lines: list[str], case: Case, form: _Form, personality: str) -> Trace:
    if lines and lines[-1].startswith("error "):
        raise _Malformed(f"the module says: {lines[-1].removeprefix('error ')}")
    total_steps = sum(1 for _ in case.walk())
    if lines[:1] != [f"begin revision={form.revision} personality={personality} steps={total_steps}"]:
        raise _Malformed(f"it begins with {lines[:1]}")
    first_total = next((n for n, line in enumerate(lines) if line.startswith("total ")), len(lines))
    steps = tuple(_step(form, line) for line in lines[1:first_total])
    rest = lines[first_total:]
    total = _pairs(_take(rest, "total").removeprefix("total"))
    if tuple(total) != tuple(form.counters):
        raise _Malformed("the counters of the total are not those of the personality")
    told = [_task(form, _take(rest, "task"))]
    while rest and rest[0].startswith("task "):
        told.append(_task(form, rest.pop(0)))
    names = [name for name, _ in told]
    if names != _tasks(case):
        raise _Malformed(f"the tasks {', '.join(names)} are not those of the case")
    unknown = {step.task for step in steps} - {*names}
    if unknown:
        raise _Malformed(f"a step of a task that is not there: {', '.join(sorted(unknown))}")
    outstanding, table = (None, None) if form.hooks_only else _table(rest)
    if rest:
        raise _Malformed(f"nothing was due there: {rest[0]}")
    return Trace(
        hooks="".join(step.hooks for step in steps),
        hook_active="".join(step.hook_active for step in steps),
        counters=total,
        values=None if form.hooks_only else tuple(step.value for step in steps if step.value is not None),
        outstanding=outstanding,
        table=table,
        tasks=dict(told),
        steps=steps,
    )


def parse(answer: AgentReply, case: Case, *, run: int, api: str, personality: str, impl: str = MODULE) -> Trace:
    """Return the Trace that an answer reports; GuestError when it does not hold a whole report."""
    try:
        if answer.status:
            raise _Malformed(
                "the run left something behind: a run or a thread of the module is still there"
                if answer.status == errno.ENOTEMPTY
                else f"the module refused the program (errno {answer.status})"
            )
        return _assemble(_whole(_own_lines(answer.records, run), run), case, _form(api, impl, personality), personality)
    except _Malformed as error:
        raise GuestError(
            f"no whole report: {error}",
            details="\n".join(["last records:", *(f"    {record}" for record in answer.records[-20:])]),
        ) from None
