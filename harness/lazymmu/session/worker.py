# SPDX-License-Identifier: GPL-2.0-only
"""One worker of a machine: runs the machine's units, one after the other, on guests of a pool."""

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from msgspec import Struct

from lazymmu.guests.agent_connection import AgentConnection, complaint
from lazymmu.guests.machine import Machine
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session import kernel_checks
from lazymmu.session.kunit import suites as kunit
from lazymmu.session.prepared_unit import PreparedUnit
from lazymmu.subject.counters import ATOMIC_SLEEPS
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import ConnectionLost, GuestDied, GuestError, GuestHung, LazymmuError, SnapshotDamaged

# Budgets in seconds, multiplied by --timeout-scale, like those of harness/lazymmu/guests/startup.py.
_REPLY = 120.0
_REPLY_PER_STEP = 0.002

# Errors that do not tell which of the programs that were sent is their cause.
_CAUSE_UNKNOWN = (ConnectionLost, SnapshotDamaged)

# After losing so many guests in a row the worker gives up: each costs a restore and a deadline.
_MAX_LOSSES = 3

# Limits of what is sent ahead to a guest: programs, and their bytes.
_MAX_AHEAD = 8
_MAX_AHEAD_BYTES = 100_000


class Queue:
    """The waiting units of one machine, shared by its workers."""

    def __init__(self, units: Iterable[Unit], workers: int, is_needed: Callable[[Unit], bool] = lambda _: True) -> None:
        """Take the units; a unit that is not needed when its turn comes is dropped."""
        self._waiting = deque(kunit.prepared(unit) for unit in units)
        self._is_needed = is_needed
        self._workers = workers
        self._lock = threading.Lock()

    def take(self) -> PreparedUnit | None:
        """Return the next unit; None if none waits."""
        with self._lock:
            while self._waiting:
                prepared = self._waiting.popleft()
                if self._is_needed(prepared.unit):
                    return prepared
        return None

    def put_back(self, prepared: Iterable[PreparedUnit]) -> None:
        """Put units back; they are the next ones, in this order."""
        with self._lock:
            self._waiting.extendleft(reversed(list(prepared)))

    def leave(self) -> bool:
        """Count one worker less; return whether it was the last."""
        with self._lock:
            self._workers -= 1
            return self._workers == 0


class _Sent(Struct, frozen=True):
    """A unit whose program was sent to the guest and has no result."""

    prepared: PreparedUnit
    #: The number of the run in the report.
    run: int
    #: The number of the request on the connection.
    request: int
    #: Bytes of the program.
    size: int


class Worker:
    """Runs units. If a guest dies, the unit that it ran gets an error, and another guest runs the others."""

    def __init__(
        self,
        machine: Machine,
        pool: GuestPool,
        guests: RunningGuests,
        queue: Queue,
        finished: Callable[[Result], None],
        units_per_guest: int | None = None,
    ) -> None:
        """Run the units of the queue, and pass on their results; a guest runs at most `units_per_guest` of them."""
        self._machine = machine
        self._pool = pool
        self._guests = guests
        self._queue = queue
        self._finished = finished
        self._units_per_guest = units_per_guest
        self._runs = 0
        self._release = ""
        #: Units sent to the current guest; it runs the first one.
        self._sent: deque[_Sent] = deque()
        self._connection: AgentConnection | None = None
        #: How many units were sent to the current guest, and how many of them have a result.
        self._sent_count = self._finished_count = 0
        #: Whether the kernel of the current guest has warned as the model predicts.
        self._warned = False
        #: How many units must still run with no other program on the connection.
        self._alone = 0

    def run(self) -> None:
        """Run units until none waits, or until one guest after the other is lost."""
        losses = 0
        error: LazymmuError | OSError | None = None
        while error is None and self._is_waiting() and not self._guests.stopping.is_set():
            self._sent_count = self._finished_count = 0
            self._warned = False
            try:
                self._use_one_guest()
                losses = 0
            except (LazymmuError, OSError) as loss:
                if self._guests.stopping.is_set():
                    return
                self._pool.snapshots.suspect()
                if self._retry_alone(loss):
                    continue
                losses = losses + 1 if self._finished_count <= 1 else 1
                # If a guest fails before its first result, so will the next one; a connection may not.
                if self._finished_count == 0 and not isinstance(loss, _CAUSE_UNKNOWN):
                    error = loss
                elif losses == _MAX_LOSSES:
                    reason = f"not run, because its machine lost {losses} guests in a row; the last error: {loss}"
                    error = GuestError(reason, details=loss.details if isinstance(loss, GuestError) else "")
            finally:
                self._put_back()
        if self._queue.leave() and error is not None:
            while (prepared := self._queue.take()) is not None:
                self._finished(prepared.failed(error, release=self._release))

    def _retry_alone(self, loss: LazymmuError | OSError) -> bool:
        """Return whether the loss may be the fault of any of several units. Each of them will then run alone."""
        if not isinstance(loss, _CAUSE_UNKNOWN) or len(self._sent) <= 1:
            return False
        self._alone = len(self._sent)
        return True

    def _put_back(self) -> None:
        """Put back the units that were sent and have no result, for other guests."""
        self._queue.put_back([sent.prepared for sent in self._sent])
        self._sent.clear()

    def _finish(self, result: Result) -> None:
        self._finished_count += 1
        self._alone = max(0, self._alone - 1)
        self._finished(result)

    def _is_waiting(self) -> bool:
        """Return whether a unit waits."""
        prepared = self._queue.take()
        if prepared is not None:
            self._queue.put_back([prepared])
        return prepared is not None

    def _use_one_guest(self) -> None:
        """Run units on one guest until none waits, or until it is not clean enough for another."""
        with self._pool.ready(self._send_first) as connection:
            self._release = connection.release
            if self._connection is not connection:
                self._send_first(connection)
            is_clean = True
            while is_clean:
                self._send_ahead(connection)
                if not self._sent:
                    return
                is_clean = self._run(connection)

    def _send_first(self, connection: AgentConnection) -> None:
        """Send the first programs to a guest.

        If programs were sent ahead to a guest that was not restored, their units are sent to this one instead.
        """
        self._put_back()
        self._sent_count = 0
        self._connection = connection
        self._send_ahead(connection)

    def _send_ahead(self, connection: AgentConnection) -> None:
        """Send the programs of the next units, so that the guest never waits for one."""
        limit = 1 if self._alone else _MAX_AHEAD
        while not self._sent or (len(self._sent) < limit and sum(sent.size for sent in self._sent) < _MAX_AHEAD_BYTES):
            prepared = self._queue.take() if self._sent_count != self._units_per_guest else None
            if prepared is None:
                return
            self._sent_count += 1
            self._runs += 1
            program = prepared.program(self._runs)
            self._sent.append(_Sent(prepared, self._runs, connection.send(prepared.verb, program), len(program)))

    def _run(self, connection: AgentConnection) -> bool:
        """Finish the first unit that was sent. Return True if the guest is clean enough to run another unit.

        If the guest is lost, the unit that it ran gets an error as its result, and the error is raised.
        """
        begin = time.monotonic()
        sent = self._sent[0]
        unit = sent.prepared.unit
        limit = (_REPLY + _REPLY_PER_STEP * sent.prepared.length) * self._machine.time_scale
        try:
            reply, counted = kernel_checks.take(unit, connection.reply(Deadline.after(limit)))
            unexpected = sent.prepared.complaint(reply)
            if unexpected:
                records = "".join(f"\n    {text}" for _, text in reply.foreign)
                raise GuestError(f"{unit.machine}: {unexpected}", details=f"the kernel's own log records:{records}")
            seconds = time.monotonic() - begin
            result = sent.prepared.judged(reply, counted, run=sent.run, release=self._release, seconds=seconds)
            if result.outcome is not Outcome.PASS and (damage := self._pool.snapshots.current_damage()):
                # All that were sent run again: a wrong byte in a guest's memory does not make an implementation wrong.
                raise SnapshotDamaged(f"{unit.machine}: its guest came from a snapshot that {damage}")
            # Some warnings of a kernel come only once, or once a second, and the next unit must see them, too. (The
            # module itself sees to those of WARNINGS.) ENOTEMPTY means that the run left something behind, which could
            # disturb the next one.
            is_clean = complaint(reply) is None and ATOMIC_SLEEPS not in counted and reply.status != errno.ENOTEMPTY
            self._warned |= bool(counted)
            if is_clean and self._is_last():
                # Nothing reads from this guest later, so check for late kernel complaints now.
                late = connection.late_complaint(
                    Deadline.after(limit), warnings_allowed=unit.scenario.kernel_warnings, warned=self._warned
                )
                if late:
                    raise GuestError(f"{unit.machine}: {late}", details=connection.guest.details())
        except SnapshotDamaged:
            raise
        except GuestError as error:
            if not self._guests.stopping.is_set() and not self._retry_alone(error):
                self._blame_one(connection, error, time.monotonic() - begin)
            raise
        self._sent.popleft()
        self._finish(result)
        return is_clean

    def _is_last(self) -> bool:
        """Return whether the current guest gets no unit after the first one that was sent."""
        if len(self._sent) > 1:
            return False
        return self._sent_count == self._units_per_guest or not self._is_waiting()

    def _blame_one(self, connection: AgentConnection, error: GuestError, seconds: float) -> None:
        """Give an error to the unit in which the guest was lost; the others that were sent will run again."""
        # Replies may be lost with a guest, so its console tells which program it had begun.
        begun = connection.last_begun_request() if isinstance(error, GuestDied) else None
        lost = next((sent for sent in self._sent if sent.request == begun), self._sent[0])
        if begun is not None and (steps := connection.steps_at_panic()):
            error = _with_step(error, lost.prepared, steps, when="last begun")
        elif lost is self._sent[0]:
            # A guest that does not hang may have begun further steps since its last report.
            when = "last begun" if isinstance(error, GuestHung) else "begun at least"
            error = _with_step(error, lost.prepared, connection.steps_begun, when=when)
        self._sent.remove(lost)
        self._finish(lost.prepared.failed(error, release=self._release, seconds=seconds))


def _with_step(error: GuestError, prepared: PreparedUnit, steps_begun: int, *, when: str) -> GuestError:
    """Return the error with the last step that the guest reported as begun, if there is one."""
    step = next((step for step in prepared.case.walk() if step.index == steps_begun - 1), None)
    if step is None:
        return error
    message = f"{error.message}; {when}: step {step.index} {step.op} ({step.place})"
    return type(error)(message, details=error.details, place=step.place)
