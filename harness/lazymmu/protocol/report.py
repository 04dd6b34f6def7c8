# SPDX-License-Identifier: GPL-2.0-only
"""Reads the module's report out of kernel-log records (docs/protocol.md, section 2): a pure function of its lines.

A report is an error unless every line of it is right.
"""

import errno
import functools
import re
import zlib
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.protocol.program import revision
from lazymmu.subject.case import Case
from lazymmu.subject.counters import CHECKS, counter_names
from lazymmu.subject.implementations import MODULE, shows_table, state_of
from lazymmu.subject.limits import MAIN_TASK, MAX_U64, TABLE_ENTRIES
from lazymmu.subject.operations import ANSWERING, OPERATIONS
from lazymmu.subject.trace import StepTrace, Trace, in_call_order
from lazymmu.support.errors import GuestError

_PREFIX = "lazymmu: "
# The answer has a group of its own: it differs between lines whose other words are the same.
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
# A switch on xen calls up to three hooks: for who leaves, for whom that displaces, and for who comes.
_HOOKS = re.compile(r"[elfprw]{0,3}")


class _Malformed(Exception):
    """A line that is not as it should be."""


# Each is made once, and compared by identity: it is part of a cache's key for every line.
class _Form(Struct, frozen=True, eq=False):
    """What the reports of one revision, implementation and personality hold."""

    revision: str
    #: A task's state: names with their types.
    state: tuple[tuple[str, type], ...]
    #: Every counter by its name, so that each name is held once.
    counters: Mapping[str, str]
    #: Those that the report has only if the kernel has these checks.
    optional: frozenset[str]
    #: The report says nothing of the page table.
    hooks_only: bool


@functools.cache
def _form(api: str, impl: str, personality: str) -> _Form:
    return _Form(
        revision=revision(api, impl),
        state=state_of(api, personality, impl),
        counters={name: name for name in counter_names(personality, impl, CHECKS)},
        optional=frozenset(CHECKS) - {*counter_names(personality, impl)},
        hooks_only=not shows_table(personality, impl),
    )


def _match(pattern: re.Pattern[str], text: str, what: str) -> re.Match[str]:
    """Return what a pattern finds in the whole of a text, which must be `what`."""
    found = pattern.fullmatch(text)
    if found is None:
        raise _Malformed(f"expected {what}, not `{text[:120]}`")
    return found


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
    if set(pairs) != {name for name, _ in form.state}:
        raise _Malformed(f"state {' '.join(pairs)} is not that of {form.revision}")
    if any(kind is bool and pairs[name] > 1 for name, kind in form.state):
        raise _Malformed(f"a flag that is neither 0 nor 1 in {pairs}")
    return {name: kind(pairs[name]) for name, kind in form.state}


# The parts of a step line repeat more often than the line, so each has a cache of its own.
@functools.lru_cache(maxsize=4096)
def _outcome(words: str) -> StepTrace:
    """Return what the words of a step line say; its numbers are still missing."""
    found = _match(_WORDS, words, "a step")
    hooks, inside = ("" if word == "-" else word for word in found.group(3, 4))
    if not _HOOKS.fullmatch(hooks) or len(inside) != len(hooks) or inside.strip("01"):
        raise _Malformed(f"hooks={found[3]} inside={found[4]}")
    return StepTrace(
        index=0, op=found[1], task=found[2], hooks=hooks, hook_active=inside, active=found[5] == "1", state={}
    )


@functools.lru_cache(maxsize=4096)
def _state(form: _Form, numbers: str) -> tuple[Mapping[str, int | bool], int | None]:
    """Return the running task's state in a step line, and how many entries are outstanding."""
    state = _pairs(numbers)
    outstanding = state.pop("outstanding", None)
    if (outstanding is None) is not form.hooks_only:
        raise _Malformed(f"outstanding is {'missing' if outstanding is None else 'not expected'}")
    return _typed_state(form, state), outstanding


@functools.lru_cache(maxsize=4096)
def _changed(form: _Form, changes: str) -> Mapping[str, int]:
    """Return the counters in a step line."""
    try:
        changed = {form.counters[name]: int(amount) for name, amount in _COUNTER.findall(changes)}
    except KeyError as error:
        raise _Malformed(f"counter {error} is not known") from None
    if len(changed) != changes.count("="):
        raise _Malformed(f"a counter is there twice:{changes}")
    return changed


def _step(form: _Form, text: str) -> StepTrace:
    number, words, answer, numbers, changes = _match(_STEP, text, "a step").groups()
    outcome = _outcome(words)
    value = None if answer is None else int(answer)
    if (value is None) is (outcome.op in ANSWERING and not form.hooks_only):
        raise _Malformed(f"step {number} {outcome.op} has {'no answer' if value is None else 'an answer'}")
    if value is not None and value > (1 if OPERATIONS[outcome.op].answers is bool else MAX_U64):
        raise _Malformed(f"step {number} {outcome.op} cannot have the answer {value}")
    state, outstanding = _state(form, numbers)
    return replace(
        outcome,
        index=int(number),
        state=state,
        outstanding=outstanding,
        counters=_changed(form, changes),
        value=value,
    )


def _table(lines: list[str]) -> tuple[int, dict[int, int]]:
    """Take the lines of the table; return what is outstanding, and the entries that are not 0."""
    found = _match(_TABLE, _take(lines, "table"), "the table")
    if int(found[1]) > TABLE_ENTRIES:
        raise _Malformed(f"{found[1]} entries cannot be outstanding")
    table: dict[int, int] = {}
    last = -1
    while lines and lines[0].startswith("entries "):
        line = _match(_ENTRIES, lines.pop(0), "entries of the table")[0]
        for entry in line.removeprefix("entries ").split(","):
            index, value = map(int, entry.split(":"))
            if not last < index < TABLE_ENTRIES or not 0 < value <= MAX_U64:
                raise _Malformed(f"`{entry}` cannot be the next entry of the table")
            table[index], last = value, index
    if len(table) != int(found[2]):
        raise _Malformed(f"the table has {len(table)} entries, and says that it has {found[2]}")
    return int(found[1]), table


def _task(form: _Form, text: str) -> tuple[str, dict[str, int | bool]]:
    found = _match(_TASK, text, "a task")
    state, active = _typed_state(form, _pairs(found[2])), found[3] == "1"
    # v4 has a flag of this name, which is the same outside interrupt.
    if state.get("active", active) is not active:
        raise _Malformed(f"task {found[1]} is said to be active and not active")
    return found[1], {**state, "active": active}


def _body(records: Sequence[str], run: int) -> list[str]:
    """Return the lines of a run's report without their prefix, if the last line confirms all of them."""
    own = f"run {run} "
    lines = [record.removeprefix(_PREFIX) for record in records if record.startswith(f"{_PREFIX}run ")]
    for line in lines:
        if not line.startswith(own):
            raise _Malformed(f"a line of another run: {line}")
    end = _match(_END, lines.pop().removeprefix(own) if lines else "", "its end")
    crc = zlib.crc32("\n".join([*lines, ""]).encode())
    if int(end[1]) != len(lines) or int(end[2], 16) != crc:
        raise _Malformed(f"{len(lines)} lines with checksum {crc:08x}, and the end says {end[1]} with {end[2]}")
    return [line.removeprefix(own) for line in lines]


def _take(lines: list[str], word: str) -> str:
    """Take the next line, which must begin with that word."""
    if not lines or not lines[0].startswith(f"{word} "):
        raise _Malformed(f"expected a {word} line")
    return lines.pop(0)


def _assemble(lines: list[str], case: Case, form: _Form, personality: str) -> Trace:
    if lines and lines[-1].startswith("error "):
        raise _Malformed(f"the module says: {lines[-1].removeprefix('error ')}")
    total_steps = 0
    forks: dict[int, str] = {}
    for step in case.walk():
        total_steps += 1
        if step.op == "fork":
            forks[step.index] = str(step.args["task"])
    if lines[:1] != [f"begin revision={form.revision} personality={personality} steps={total_steps}"]:
        raise _Malformed(f"it begins with {lines[:1]}")
    first_total = next((n for n, line in enumerate(lines) if line.startswith("total ")), len(lines))
    steps = tuple(_step(form, line) for line in lines[1:first_total])
    rest = lines[first_total:]
    total = _pairs(_take(rest, "total").removeprefix("total"))
    if tuple(total) != tuple(name for name in form.counters if name in total or name not in form.optional):
        raise _Malformed("the counters of the total are not those of the personality")
    tasks = [_task(form, _take(rest, "task"))]
    while rest and rest[0].startswith("task "):
        tasks.append(_task(form, rest.pop(0)))
    names = [name for name, _ in tasks]
    # A fork in a before_hook may not run.
    forked = [forks[step.index] for step in steps if step.index in forks]
    if names != [MAIN_TASK, *case.tasks, *forked]:
        raise _Malformed(f"the tasks {', '.join(names)} are not those of the case")
    unknown = {step.task for step in steps} - {*names}
    if unknown:
        raise _Malformed(f"a step of an unknown task: {', '.join(sorted(unknown))}")
    called = in_call_order(steps)
    outstanding, table = (None, None) if form.hooks_only else _table(rest)
    if rest:
        raise _Malformed(f"expected no more lines: {rest[0]}")
    return Trace(
        hooks="".join(step.hooks for step in called),
        hook_active="".join(step.hook_active for step in called),
        counters=total,
        values=None if form.hooks_only else tuple(step.value for step in steps if step.value is not None),
        outstanding=outstanding,
        table=table,
        tasks=dict(tasks),
        steps=steps,
    )


def parse(answer: AgentReply, case: Case, *, run: int, api: str, personality: str, impl: str = MODULE) -> Trace:
    """Return the Trace that an answer reports. Raises GuestError if it has no whole report."""
    try:
        if answer.status:
            raise _Malformed(
                "the run left something behind: a run or a thread of the module is still there"
                if answer.status == errno.ENOTEMPTY
                else f"the module refused the program (errno {answer.status})"
            )
        return _assemble(_body(answer.records, run), case, _form(api, impl, personality), personality)
    except _Malformed as error:
        raise GuestError(
            f"no whole report: {error}",
            details="\n".join(["last records:", *(f"    {record}" for record in answer.records[-20:])]),
        ) from None
