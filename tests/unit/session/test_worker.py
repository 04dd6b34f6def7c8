# SPDX-License-Identifier: GPL-2.0-only
"""A lost line is the fault of one of the programs on their way: the worker finds out which, and blames no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from lazymmu.guests.machine import Machine
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.protocol.agent_reply import AgentReply
from lazymmu.results.result import Result, Unit
from lazymmu.session.worker import Job, Queue, Worker
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import ConnectionLost

from tests.unit import examples

_PLAIN = "description: x\nsteps: [enable, disable]\n"
_GUILTY = "description: x\nsteps: [enable, flush, disable]\n"


class Line:
    """A line that is lost, with every answer that is still on its way, as soon as a program that flushes was sent."""

    release = "6.12.0-test"
    steps_begun = 0
    guest = SimpleNamespace(details=lambda: "")

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, verb: str, payload: bytes) -> int:
        self.sent.append(payload if verb == "run" else b"")
        return len(self.sent)

    def reply(self, _: Deadline) -> AgentReply:
        if any(b"flush" in program for program in self.sent):
            raise ConnectionLost("the line was lost")
        # Not a report: whoever gets it is an error of another kind.
        return AgentReply(status=0, records=())

    def late_complaint(self, _: Deadline, *, warnings_allowed: bool) -> str | None:
        assert not warnings_allowed
        return None


class Lines:
    """Gives a fresh line for each guest."""

    def __init__(self) -> None:
        self.doubts = 0

    @contextmanager
    def ready(self, _ahead: Callable[[Line], None]) -> Iterator[Line]:
        yield Line()

    def suspect_snapshot(self) -> None:
        self.doubts += 1

    def snapshot_damage(self) -> str | None:
        return None


def test_only_the_unit_that_loses_its_line_alone_is_blamed(tmp_path: Path) -> None:
    texts = [_PLAIN, _PLAIN, _GUILTY, _PLAIN, _GUILTY, _PLAIN]
    units = [
        Unit(examples.scenario(tmp_path, text, f"u{n}"), number=0, api="merged", arch="s390x")
        for n, text in enumerate(texts)
    ]
    results: dict[int, Result] = {}

    def finished(position: int, result: Result) -> None:
        assert position not in results
        results[position] = result

    machine = cast("Machine", SimpleNamespace(time_scale=1.0))
    job = Job(units, Queue(range(len(units)), 1), finished, units_per_guest=None)
    lines = Lines()
    Worker(machine, cast("GuestPool", lines), RunningGuests(), job).work()
    assert [position for position, result in sorted(results.items()) if "the line was lost" in result.reason] == [2, 4]
    assert len(results) == len(units)
    # All together, and then each of the two alone: three guests, and no more, were lost.
    assert lines.doubts == 3


class Unreachable(Lines):
    """Loses the line to so many guests before anything can be sent to them."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    @contextmanager
    def ready(self, _ahead: Callable[[Line], None]) -> Iterator[Line]:
        if self.doubts < self._times:
            raise ConnectionLost("the connection stalls")
        yield Line()


@pytest.mark.parametrize(("times", "guests", "unreached"), [(2, 2, 0), (9, 3, 2)])
def test_a_line_that_is_lost_before_a_unit_costs_a_guest_and_one_always_lost_all_units(
    tmp_path: Path, times: int, guests: int, unreached: int
) -> None:
    units = [Unit(examples.scenario(tmp_path, _PLAIN, f"u{n}"), number=0, api="merged", arch="s390x") for n in range(2)]
    results: list[Result] = []
    job = Job(units, Queue(range(2), 1), lambda _, result: results.append(result), None)
    lines = Unreachable(times)
    Worker(cast("Machine", SimpleNamespace(time_scale=1.0)), cast("GuestPool", lines), RunningGuests(), job).work()
    assert (len(results), lines.doubts) == (2, guests)
    assert sum("the connection stalls" in result.reason for result in results) == unreached


class Waking(Lines):
    """Gives each guest's line ahead, but so many guests do not wake up, and the one after them has had none."""

    def __init__(self, never: int, *, ahead: bool) -> None:
        super().__init__()
        self._never = never
        self._ahead = ahead
        self.last = Line()

    @contextmanager
    def ready(self, ahead: Callable[[Line], None]) -> Iterator[Line]:
        for _ in range(self._never):
            ahead(Line())
        if self._ahead:
            ahead(self.last)
        yield self.last


@pytest.mark.parametrize(("never", "ahead"), [(0, True), (1, False), (1, True), (2, False)])
def test_each_program_is_sent_once_to_the_guest_that_runs_it_whether_ahead_or_not(
    tmp_path: Path, never: int, ahead: bool
) -> None:
    count = 12
    units = [
        Unit(examples.scenario(tmp_path, _PLAIN, f"u{n}"), number=0, api="merged", arch="s390x") for n in range(count)
    ]
    positions: list[int] = []
    job = Job(units, Queue(range(count), 1), lambda position, _: positions.append(position), None)
    lines = Waking(never, ahead=ahead)
    Worker(cast("Machine", SimpleNamespace(time_scale=1.0)), cast("GuestPool", lines), RunningGuests(), job).work()
    assert positions == list(range(count))
    assert len(lines.last.sent) == count


def test_what_is_not_wanted_when_its_turn_comes_is_dropped() -> None:
    unwanted = {1}
    queue = Queue(range(5), 1, lambda position: position not in unwanted)
    assert queue.take() == 0
    unwanted.update({2, 4})
    assert [queue.take() for _ in range(3)] == [3, None, None]


class Damaged(Lines):
    """Gives first a guest whose snapshot has a wrong byte."""

    def snapshot_damage(self) -> str | None:
        return None if self.doubts else "is damaged"


def test_what_a_guest_from_a_damaged_snapshot_gave_is_no_result(tmp_path: Path) -> None:
    units = [Unit(examples.scenario(tmp_path, _PLAIN, f"u{n}"), number=0, api="merged", arch="s390x") for n in range(3)]
    results: dict[int, Result] = {}

    def finished(position: int, result: Result) -> None:
        assert lines.doubts == 1, "the next guest is not from a snapshot that was looked at"
        results[position] = result

    lines = Damaged()
    job = Job(units, Queue(range(3), 1), finished, units_per_guest=None)
    Worker(cast("Machine", SimpleNamespace(time_scale=1.0)), cast("GuestPool", lines), RunningGuests(), job).work()
    assert sorted(results) == [0, 1, 2]
    assert not any("is damaged" in result.reason for result in results.values())
