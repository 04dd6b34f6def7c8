# SPDX-License-Identifier: GPL-2.0-only
"""A worker gives each unit one result, and an error only to the unit in which a guest was lost."""

from collections.abc import Callable, Iterator, Sequence
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
from lazymmu.session.worker import Queue, Worker
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import ConnectionLost

from tests.unit import examples

_PLAIN = "description: x\nsteps: [enable, disable]\n"
_GUILTY = "description: x\nsteps: [enable, flush, disable]\n"


def units(folder: Path, texts: Sequence[str]) -> list[Unit]:
    """Return a unit for each text of a scenario."""
    return [
        Unit(examples.scenario(folder, text, f"u{index}"), number=0, api="merged", arch="s390x", index=index)
        for index, text in enumerate(texts)
    ]


class Connection:
    """A connection that is lost, with all replies, as soon as a program that flushes was sent."""

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
            raise ConnectionLost("the connection was lost")
        # Not a whole report, so each result is an error with another reason.
        return AgentReply(status=0, records=())

    def late_complaint(self, _: Deadline, *, warnings_allowed: bool, warned: bool) -> str | None:
        assert not warnings_allowed and not warned
        return None


class Pool:
    """Gives a fresh connection for each guest."""

    def __init__(self) -> None:
        self.lost = 0
        self.snapshots = self

    @contextmanager
    def ready(self, _ahead: Callable[[Connection], None]) -> Iterator[Connection]:
        yield Connection()

    def suspect(self) -> None:
        self.lost += 1

    def current_damage(self) -> str | None:
        return None


def work(units: Sequence[Unit], pool: Pool) -> list[Result]:
    """Run units with one worker; return the results in the order in which they come."""
    results: list[Result] = []
    machine = cast("Machine", SimpleNamespace(time_scale=1.0))
    Worker(machine, cast("GuestPool", pool), RunningGuests(), Queue(units, 1), results.append).run()
    assert sorted(result.number for result in results) == list(range(len(units)))
    return results


def test_only_a_unit_that_loses_its_connection_alone_is_blamed(tmp_path: Path) -> None:
    pool = Pool()
    results = work(units(tmp_path, [_PLAIN, _PLAIN, _GUILTY, _PLAIN, _GUILTY, _PLAIN]), pool)
    blamed = [result.number for result in results if "the connection was lost" in result.reason]
    assert blamed == [2, 4]
    # Once with all programs on the connection, and then once for each of the two.
    assert pool.lost == 3


class Unreachable(Pool):
    """Loses so many connections before anything can be sent."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._times = times

    @contextmanager
    def ready(self, _ahead: Callable[[Connection], None]) -> Iterator[Connection]:
        if self.lost < self._times:
            raise ConnectionLost("the connection stalls")
        yield Connection()


@pytest.mark.parametrize(("times", "guests", "failed"), [(2, 2, 0), (9, 3, 2)])
def test_units_fail_if_one_connection_after_the_other_is_lost_before_the_first(
    tmp_path: Path, times: int, guests: int, failed: int
) -> None:
    pool = Unreachable(times)
    results = work(units(tmp_path, [_PLAIN] * 2), pool)
    assert pool.lost == guests
    assert sum("the connection stalls" in result.reason for result in results) == failed


class Waking(Pool):
    """Gives connections ahead to so many guests that never wake up, and perhaps to the last one."""

    def __init__(self, never: int, *, ahead: bool) -> None:
        super().__init__()
        self._never = never
        self._ahead = ahead
        self.last = Connection()

    @contextmanager
    def ready(self, ahead: Callable[[Connection], None]) -> Iterator[Connection]:
        for _ in range(self._never):
            ahead(Connection())
        if self._ahead:
            ahead(self.last)
        yield self.last


@pytest.mark.parametrize(("never", "ahead"), [(0, True), (1, False), (1, True), (2, False)])
def test_each_program_is_sent_once_to_the_guest_that_wakes_up(tmp_path: Path, never: int, ahead: bool) -> None:
    pool = Waking(never, ahead=ahead)
    results = work(units(tmp_path, [_PLAIN] * 12), pool)
    assert [result.number for result in results] == list(range(12))
    assert len(pool.last.sent) == 12


class Damaged(Pool):
    """Gives first a guest whose snapshot is damaged."""

    def current_damage(self) -> str | None:
        return None if self.lost else "is damaged"


def test_results_of_a_guest_from_a_damaged_snapshot_do_not_count(tmp_path: Path) -> None:
    pool = Damaged()
    results = work(units(tmp_path, [_PLAIN] * 3), pool)
    assert pool.lost == 1
    assert not any("is damaged" in result.reason for result in results)


def test_units_that_are_put_back_are_the_next_and_those_that_are_not_needed_are_dropped(tmp_path: Path) -> None:
    dropped: set[int] = set()
    queue = Queue(units(tmp_path, [_PLAIN] * 4), 2, lambda unit: unit.index not in dropped)
    first, second = queue.take(), queue.take()
    assert first is not None
    assert second is not None
    queue.put_back([first, second])
    assert queue.take() is first, "it was prepared again"
    dropped |= {1, 2}
    last = queue.take()
    assert last is not None
    assert (last.unit.index, queue.take()) == (3, None)
    assert [queue.leave(), queue.leave()] == [False, True]
