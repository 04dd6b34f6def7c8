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

from harness.core.answer import Answer
from harness.core.case import Case
from harness.core.errors import GuestError
from harness.core.trace import StepTrace, Trace
from harness.core.vocabulary import REVISIONS, Revision, counter_names

_PREFIX = "lazymmu: "
_STEP = re.compile(r"step (\d+) ([^|]*) \|((?: \w+=\d+)*)", re.ASCII)
_OUTCOME = re.compile(r"(\w+) task=(\S+) hooks=(\S+) inside=(\S+) active=([01]) (.*)", re.ASCII)
_COUNTER = re.compile(r" (\w+)=(\d+)", re.ASCII)
_TASK = re.compile(r"task (\S+) (.*) active=([01])", re.ASCII)
_TABLE = re.compile(r"table outstanding=(\d+) entries=(-|\d+:\d+(?:,\d+:\d+)*)", re.ASCII)
_END = re.compile(r"end lines=(\d+) crc=([0-9a-f]{8})", re.ASCII)
_HOOKS = re.compile(r"[elfprw]?")


class _Malformed(Exception):
    """A line that does not say what it should."""


def _pairs(words: str) -> dict[str, int]:
    """Return `name=number` words as a mapping, in order."""
    pairs: dict[str, int] = {}
    for word in words.split():
        name, equals, number = word.partition("=")
        if not equals or not number.isdecimal() or name in pairs:
            raise _Malformed(f"`{word}` is not a new name=number")
        pairs[name] = int(number)
    return pairs


def _typed_state(revision: Revision, pairs: Mapping[str, int]) -> dict[str, int | bool]:
    """Return a task's state by the revision's names; anything more or less is malformed."""
    if set(pairs) != {name for name, _ in revision.state}:
        raise _Malformed(f"state {' '.join(pairs)} is not that of {revision.name}")
    if any(kind is bool and pairs[name] > 1 for name, kind in revision.state):
        raise _Malformed(f"a flag that is neither 0 nor 1 in {pairs}")
    return {name: kind(pairs[name]) for name, kind in revision.state}


def _dash(word: str) -> str:
    return "" if word == "-" else word


class _Outcome(NamedTuple):
    """What a step line says between its number and its counters; few of these words differ from line to line."""

    op: str
    task: str
    hooks: str
    hook_active: str
    active: bool
    state: Mapping[str, int | bool]
    outstanding: int


@functools.lru_cache(maxsize=4096)
def _outcome(api: str, words: str) -> _Outcome:
    """Return what these words of a step line say. Most lines repeat another one's, whose answer they share."""
    found = _OUTCOME.fullmatch(words)
    if found is None:
        raise _Malformed("a step line was due")
    hooks, inside = _dash(found[3]), _dash(found[4])
    if not _HOOKS.fullmatch(hooks) or len(inside) != len(hooks) or inside.strip("01"):
        raise _Malformed(f"hooks={found[3]} inside={found[4]}")
    state = _pairs(found[6])
    outstanding = state.pop("outstanding", None)
    if outstanding is None:
        raise _Malformed("outstanding is missing")
    return _Outcome(
        op=found[1],
        task=found[2],
        hooks=hooks,
        hook_active=inside,
        active=found[5] == "1",
        state=_typed_state(REVISIONS[api], state),
        outstanding=outstanding,
    )


def _step(api: str, counters: Mapping[str, str], text: str) -> StepTrace:
    """Return what a step line says; `counters` maps each known one to the same text, so that it is held once."""
    found = _STEP.fullmatch(text)
    if found is None:
        raise _Malformed("a step line was due")
    number, words, changes = found.groups()
    try:
        changed = {counters[name]: int(value) for name, value in _COUNTER.findall(changes)}
    except KeyError as error:
        raise _Malformed(f"counter {error} is not known") from None
    if len(changed) != changes.count("="):
        raise _Malformed(f"a counter stands twice:{changes}")
    return StepTrace(int(number), *_outcome(api, words), changed)


def _table(text: str) -> tuple[int, dict[int, int]]:
    found = _TABLE.fullmatch(text)
    if found is None:
        raise _Malformed("the table line was due")
    entries = [entry.split(":") for entry in _dash(found[2]).split(",") if entry]
    table = {int(index): int(value) for index, value in entries}
    if len(table) != len(entries):
        raise _Malformed("an entry of the table stands twice")
    return int(found[1]), table


def _task(revision: Revision, text: str) -> tuple[str, dict[str, int | bool]]:
    found = _TASK.fullmatch(text)
    if found is None:
        raise _Malformed("a task line was due")
    return found[1], {**_typed_state(revision, _pairs(found[2])), "active": found[3] == "1"}


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


def _assemble(lines: list[str], case: Case, api: str, personality: str) -> Trace:
    revision, counters = REVISIONS[api], counter_names(personality)
    if lines and lines[-1].startswith("error "):
        raise _Malformed(f"the module says: {lines[-1].removeprefix('error ')}")
    total_steps = sum(1 for _ in case.walk())
    if lines[:1] != [f"begin revision={api} personality={personality} steps={total_steps}"]:
        raise _Malformed(f"it begins with {lines[:1]}")
    first_total = next((n for n, line in enumerate(lines) if line.startswith("total ")), len(lines))
    known = {name: name for name in counters}
    steps = tuple(_step(api, known, line) for line in lines[1:first_total])
    rest = lines[first_total:]
    total = _pairs(_take(rest, "total").removeprefix("total"))
    if tuple(total) != counters:
        raise _Malformed("the counters of the total are not those of the personality")
    told = [_task(revision, _take(rest, "task"))]
    while rest and rest[0].startswith("task "):
        told.append(_task(revision, rest.pop(0)))
    tasks = dict(told)
    if len(tasks) != len(told):
        raise _Malformed("a task stands twice")
    outstanding, table = _table(_take(rest, "table"))
    if rest:
        raise _Malformed(f"nothing was due after the table: {rest[0]}")
    return Trace(
        hooks="".join(step.hooks for step in steps),
        hook_active="".join(step.hook_active for step in steps),
        counters=total,
        values=(),
        outstanding=outstanding,
        table=table,
        tasks=tasks,
        steps=steps,
    )


def parse(answer: Answer, case: Case, *, run: int, api: str, personality: str) -> Trace:
    """Return the Trace that an answer reports; GuestError when it does not hold a whole report."""
    try:
        if answer.status:
            raise _Malformed(
                "the run left something behind: a run or a thread of the module is still there"
                if answer.status == errno.ENOTEMPTY
                else f"the module refused the program (errno {answer.status})"
            )
        return _assemble(_whole(_own_lines(answer.records, run), run), case, api, personality)
    except _Malformed as error:
        raise GuestError(
            f"no whole report: {error}",
            details="\n".join(["last records:", *(f"    {record}" for record in answer.records[-20:])]),
        ) from None
