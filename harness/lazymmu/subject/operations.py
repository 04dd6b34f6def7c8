# SPDX-License-Identifier: GPL-2.0-only
"""The table of operations: what a step can do, what it takes, and where it is allowed (docs/protocol.md, section 1).

The scenario language, the program text and the report are read and written by this table; the module's own table
(guest/module/tables.c) is tested against it. What an operation does is written twice, apart: in `behaviour.py` and
the revisions for the simulator, and in C for the module.
"""

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

from lazymmu.subject.limits import CPUS, MAX_SLEEP_MS, MAX_U64, TABLE_ENTRIES


class Kind(Enum):
    """What an operation is about."""

    #: A call of the API. Each call adds one to the counter of its name.
    CALL = "call"
    #: A call on another task's state; it adds to no counter of its own.
    TASK_CALL = "task call"
    #: Reads or writes the page table or the TLB.
    TABLE = "table"
    #: Changes which task runs, or where, or makes a task: what may sleep. No context and no `meanwhile` may hold it.
    TASK = "task"
    #: Asks whether the place may sleep.
    SLEEP_CHECK = "sleep check"
    #: Runs its list of steps in another task, on that task's CPU.
    MEANWHILE = "meanwhile"
    CHECK = "check"
    #: Runs its list of steps in another context.
    CONTEXT = "context"


class Argument(Struct, frozen=True):
    """A word after the operation: a number from `low` to `high`, or a task's name."""

    name: str
    #: An example, for messages.
    example: str
    low: int = 0
    #: None for a task's name.
    high: int | None = None
    #: The name of a task that does not exist yet.
    new: bool = False
    #: The argument may be left out.
    optional: bool = False


INDEX = Argument("index", "0", high=TABLE_ENTRIES - 1)
VALUE = Argument("value", "0x1001", high=MAX_U64)
#: Entries from the index on; the range ends within the table.
COUNT = Argument("count", "4", low=1, high=TABLE_ENTRIES)
TASK = Argument("task", "other")
NEW_TASK = Argument("task", "child", new=True)
TASK_IF_ANY = Argument("task", "other", optional=True)
CPU = Argument("cpu", "1", high=CPUS - 1)
MILLISECONDS = Argument("ms", "10", high=MAX_SLEEP_MS)


class Operation(Struct, frozen=True):
    """One row of the table."""

    name: str
    kind: Kind
    args: tuple[Argument, ...] = ()
    #: The revisions define it, each in its CALLS. The harness defines the others for every revision.
    by_revision: bool = False
    #: It may carry `before_hook`.
    hookable: bool = False
    #: The type of its answer, if it has one: true or false, or 64 bits. The answers of a run, in order, are the
    #: `values` of its trace.
    answers: type | None = None
    #: The contexts that may hold this context.
    within: tuple[str, ...] = ()


#: Every operation by its name.
OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("enable", Kind.CALL, by_revision=True, hookable=True),
        Operation("disable", Kind.CALL, by_revision=True, hookable=True),
        Operation("pause", Kind.CALL, by_revision=True, hookable=True),
        Operation("resume", Kind.CALL, by_revision=True, hookable=True),
        Operation("enable_with_ptes", Kind.CALL, (INDEX, COUNT), by_revision=True, hookable=True),
        Operation("flush", Kind.CALL, hookable=True),
        Operation("pause_task", Kind.TASK_CALL, (TASK,), by_revision=True),
        Operation("resume_task", Kind.TASK_CALL, (TASK,), by_revision=True),
        Operation("set_pte", Kind.TABLE, (INDEX, VALUE)),
        Operation("clear_pte", Kind.TABLE, (INDEX,), answers=int),
        Operation("get_pte", Kind.TABLE, (INDEX,), answers=int),
        Operation("touch", Kind.TABLE, (INDEX,), answers=bool),
        Operation("load", Kind.TABLE, (INDEX,), answers=int),
        Operation("peek", Kind.TABLE, (INDEX,), answers=int),
        Operation("tlb_flush", Kind.TABLE),
        Operation("switch", Kind.TASK, (TASK,)),
        Operation("migrate", Kind.TASK, (CPU,)),
        Operation("sleep", Kind.TASK, (MILLISECONDS,)),
        Operation("fork", Kind.TASK, (NEW_TASK,)),
        Operation("might_sleep", Kind.SLEEP_CHECK),
        Operation("meanwhile", Kind.MEANWHILE, (TASK,), within=("irqs_off", "bh_disabled")),
        Operation("check", Kind.CHECK, (TASK_IF_ANY,)),
        Operation("interrupt", Kind.CONTEXT, within=("softirq", "bh_disabled")),
        Operation("softirq", Kind.CONTEXT),
        Operation("bh_disabled", Kind.CONTEXT),
        Operation("irqs_off", Kind.CONTEXT),
    )
}


def _of(kind: Kind) -> tuple[str, ...]:
    return tuple(name for name, operation in OPERATIONS.items() if operation.kind is kind)


#: Calls of the API that are counted, in the order in which reports show them.
CALLS = _of(Kind.CALL)

#: Operations whose list of steps runs in another context.
CONTEXTS = _of(Kind.CONTEXT)

#: Operations that have an answer.
ANSWERING = tuple(name for name, operation in OPERATIONS.items() if operation.answers)

#: Operations that only some revisions may have.
BY_REVISION = tuple(name for name, operation in OPERATIONS.items() if operation.by_revision)
