# SPDX-License-Identifier: GPL-2.0-only
"""One worker of a machine: takes the machine's units one after the other, and runs them on guests that it is given."""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.complaint import complaint
from lazymmu.guests.machine import Machine
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.protocol import program
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.results.result import Outcome, Result, Unit
from lazymmu.session import unit_results
from lazymmu.subject.operations import NEEDS_PREEMPTION
from lazymmu.subject.simulator import predict
from lazymmu.subject.trace import Skip, Trace
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import ConnectionLost, GuestDied, GuestError, GuestHung, LazymmuError, SnapshotDamaged

# Budgets in seconds, multiplied by --timeout-scale, as those of harness/lazymmu/guests/startup.py.
_ANSWER = 120.0
_ANSWER_PER_STEP = 0.002

# Errors that do not tell which of the programs that were sent is their cause.
_CAUSE_UNKNOWN = (ConnectionLost, SnapshotDamaged)

# A machine that loses so many guests in a row is given up: each costs a restore and a deadline.
_LOSSES = 3

# Programs that are sent ahead to a guest, and how long they are together (bytes) when no more is sent.
_AHEAD = 8
_AHEAD_BYTES = 100_000


class Queue:
    """The positions of one machine's units that wait, shared by its workers."""

    def __init__(
        self, positions: Iterable[int], workers: int, wanted: Callable[[int], bool] = lambda _position: True
    ) -> None:
        """Take the positions; one that is not `wanted` when its turn comes is dropped."""
        self._waiting = deque(positions)
        self._wanted = wanted
        self._workers = workers
        self._lock = threading.Lock()

    def take(self) -> int | None:
        """Return the next one, None when there is none."""
        with self._lock:
            while self._waiting:
                position = self._waiting.popleft()
                if self._wanted(position):
                    return position
            return None

    def give_back(self, positions: Sequence[int]) -> None:
        """Put some back, to be the next ones in this order."""
        with self._lock:
            self._waiting.extendleft(reversed(positions))

    def left_alone(self) -> bool:
        """Take a worker off; return whether nobody is left to run what waits."""
        with self._lock:
            self._workers -= 1
            return self._workers == 0


class Job(Struct, frozen=True):
    """What a worker is told: its units, and where their results go."""

    units: Sequence[Unit]
    queue: Queue
    finished: Callable[[int, Result], None]
    #: How many units one guest runs at most; None is no limit.
    units_per_guest: int | None


def _prediction(unit: Unit) -> Trace:
    """Return what the model says of a unit that was sent to a guest, and so is no skip."""
    predicted = predict(unit.case, unit.api, unit.personality, unit.impl)
    assert isinstance(predicted, Trace)  # noqa: S101  (narrows the type: `_skips` was asked before)
    return predicted


def _said(answer: AgentReply) -> str:
    lines = [text for _, text in answer.foreign]
    return "\n".join(["the kernel's own log records:", *(f"    {line}" for line in lines)])


def _located(error: GuestError, unit: Unit, steps_begun: int) -> GuestError:
    """Return the error with the step that the guest began last, if it told of one."""
    step = next((step for step in unit.case.walk() if step.index == steps_begun - 1), None)
    if step is None:
        return error
    # Unless it hangs, it may have come further since it told.
    when = "last begun" if isinstance(error, GuestHung) else "begun at least"
    return type(error)(f"{error.message}; {when}: step {step.index} {step.op} ({step.place})", details=error.details)


class _Sent(Struct, frozen=True):
    """A unit whose program was sent: it runs, or waits behind others."""

    position: int
    unit: Unit
    #: Number of the run in the report.
    run: int
    #: Number of the request on the line.
    request: int
    #: Bytes of the program.
    size: int


class Worker:
    """Runs units; a guest that dies costs the unit that it died in, and is replaced."""

    def __init__(self, machine: Machine, pool: GuestPool, guests: RunningGuests, job: Job) -> None:
        self._machine = machine
        self._pool = pool
        self._guests = guests
        self._job = job
        self._runs = 0
        self._release = ""
        #: Sent to the guest of now, the first one is running.
        self._sent: deque[_Sent] = deque()
        #: The line to that guest.
        self._sent_to: AgentConnection | None = None
        #: Positions of waiting units that were looked at: these are for a guest.
        self._runnable: set[int] = set()
        #: Taken for the guest of now, and results that came of it.
        self._taken = self._done = 0
        #: How many units are still to run one at a time, each alone on the line.
        self._alone = 0

    def work(self) -> None:
        """Run units until none waits, or the machine loses one guest after the other."""
        losses = 0
        error: LazymmuError | OSError | None = None
        while error is None and self._waiting() and not self._guests.stopping.is_set():
            self._taken = self._done = 0
            try:
                self._use_one_guest()
                losses = 0
            except (LazymmuError, OSError) as lost:
                if self._guests.stopping.is_set():
                    return
                self._pool.suspect_snapshot()
                if self._cause_unknown(lost):
                    continue
                losses = losses + 1 if self._done <= 1 else 1
                # A guest that did not come as far as a unit will not do so the next time either, but a line may.
                if self._done == 0 and not (isinstance(lost, _CAUSE_UNKNOWN)):
                    error = lost
                elif losses == _LOSSES:
                    why = f"not run: its machine lost {losses} guests in a row, the last so: {lost}"
                    error = GuestError(why, details=lost.details if isinstance(lost, GuestError) else "")
            finally:
                self._give_back()
        if self._job.queue.left_alone() and error is not None:
            self._give_up(error)

    def _cause_unknown(self, lost: LazymmuError | OSError) -> bool:
        """Return whether any of several units may have lost the line: then they will run again, one at a time."""
        if not (isinstance(lost, _CAUSE_UNKNOWN) and len(self._sent) > 1):
            return False
        self._alone = len(self._sent)
        return True

    def _give_back(self) -> None:
        """Let other guests run what was sent and has no result."""
        self._job.queue.give_back([sent.position for sent in self._sent])
        self._sent.clear()

    def _give_up(self, error: LazymmuError | OSError) -> None:
        """Give the units that no guest will run this error."""
        while (position := self._job.queue.take()) is not None:
            unit = self._job.units[position]
            self._job.finished(position, unit_results.without_report(unit, error, release=self._release))

    def _finish(self, position: int, result: Result) -> None:
        self._done += 1
        self._alone = max(0, self._alone - 1)
        self._job.finished(position, result)

    def _use_one_guest(self) -> None:
        """Run units until none waits, or the guest is not fit for another."""
        with self._pool.ready(self._send_first) as line:
            self._release = line.release
            if self._sent_to is not line:
                self._send_first(line)
            fit = True
            while fit:
                self._send_ahead(line)
                if not self._sent:
                    return
                fit = self._run(line)

    def _send_first(self, line: AgentConnection) -> None:
        """Send the first programs to a guest; what was sent to one that did not wake up is sent again."""
        self._give_back()
        self._taken = 0
        self._sent_to = line
        self._send_ahead(line)

    def _send_ahead(self, line: AgentConnection) -> None:
        """Send the programs of the next units, so that the guest never waits for one."""
        ahead = 1 if self._alone else _AHEAD
        while not self._sent or (len(self._sent) < ahead and sum(sent.size for sent in self._sent) < _AHEAD_BYTES):
            position = self._job.queue.take() if self._more() else None
            if position is None:
                return
            if self._skips(position):
                continue
            self._runnable.discard(position)
            unit = self._job.units[position]
            self._taken += 1
            self._runs += 1
            text = program.text(unit.case, run=self._runs, api=unit.api, personality=unit.personality, impl=unit.impl)
            request = line.send("run", text.encode("ascii"))
            self._sent.append(_Sent(position, unit, self._runs, request, len(text)))

    def _run(self, line: AgentConnection) -> bool:
        """Wait for the first unit that was sent; return whether its guest is as good as a fresh one for the next.

        A guest that dies ends the unit that it died in as an error and is raised.
        """
        begin = time.monotonic()
        sent = self._sent[0]
        unit = sent.unit
        # The guest runs it meanwhile.
        predicted = _prediction(unit)
        try:
            answer = line.reply(self._deadline(predicted))
            complained = complaint(answer)
            unexpected = complaint(answer, warnings_allowed=unit.scenario.kernel_warnings)
            if unexpected:
                raise GuestError(f"{unit.machine}: {unexpected}", details=_said(answer))
        except GuestError as error:
            if not self._guests.stopping.is_set():
                self._lost(line, error, predicted, begin)
            raise
        result = unit_results.of_answer(
            unit,
            answer,
            predicted,
            run=sent.run,
            release=self._release,
            seconds=time.monotonic() - begin,
        )
        if result.outcome is not Outcome.PASS and (damage := self._pool.snapshot_damage()):
            # It runs again, as all that were sent: a wrong byte in a guest's memory is no wrong implementation.
            raise SnapshotDamaged(f"{unit.machine}: its guest came from a snapshot that {damage}")
        # A kernel warns of some things only once: the next unit must see them, too. What a run left behind could
        # disturb the next.
        fit = complained is None and answer.status != errno.ENOTEMPTY
        if fit and len(self._sent) == 1 and not self._more():
            # Nobody would hear what it still says.
            try:
                late = line.late_complaint(self._deadline(predicted), warnings_allowed=unit.scenario.kernel_warnings)
                if late:
                    raise GuestError(f"{unit.machine}: {late}", details=line.guest.details())
            except GuestError as error:
                if not self._guests.stopping.is_set():
                    self._lost(line, error, predicted, begin)
                raise
        self._sent.popleft()
        self._finish(sent.position, result)
        return fit

    def _waiting(self) -> bool:
        """Return whether a unit waits that is for a guest; those before it that are skips get their results."""
        while (position := self._job.queue.take()) is not None:
            if not self._skips(position):
                self._job.queue.give_back([position])
                return True
        return False

    def _skips(self, position: int) -> bool:
        """Return whether the model says that a unit cannot run; it has its result then."""
        if position in self._runnable:
            return False
        unit = self._job.units[position]
        case = unit.case
        # What makes a skip stands in no list, so a look at the outermost steps spares most cases this prediction.
        if any(step.op in NEEDS_PREEMPTION for step in case.steps):
            predicted = predict(case, unit.api, unit.personality, unit.impl)
            if isinstance(predicted, Skip):
                self._job.finished(position, unit_results.skipped(unit, predicted, release=self._release))
                return True
        self._runnable.add(position)
        return False

    def _more(self) -> bool:
        """Return whether the guest of now may get another unit."""
        return self._taken != self._job.units_per_guest and self._waiting()

    def _deadline(self, predicted: Trace) -> Deadline:
        return Deadline.after((_ANSWER + _ANSWER_PER_STEP * len(predicted.steps)) * self._machine.time_scale)

    def _lost(self, line: AgentConnection, error: GuestError, predicted: Trace, begin: float) -> None:
        """Give the unit in which a guest was lost its result; those before and behind it will run again."""
        if self._cause_unknown(error):
            return
        # What a guest sent last may be lost with it: its console tells which program it had begun.
        begun = line.last_begun_request() if isinstance(error, GuestDied) else None
        lost = next((sent for sent in self._sent if sent.request == begun), self._sent[0])
        if lost is self._sent[0]:
            error = _located(error, lost.unit, line.steps_begun)
        else:
            predicted = _prediction(lost.unit)
        self._sent.remove(lost)
        result = unit_results.without_report(
            lost.unit, error, release=self._release, predicted=predicted, seconds=time.monotonic() - begin
        )
        self._finish(lost.position, result)
