# SPDX-License-Identifier: GPL-2.0-only
"""The watchdog counts only the time in which the guest could run."""

import pytest
from lazymmu.guests import host_process, watchdog
from lazymmu.guests.watchdog import SILENCE, Watchdog
from lazymmu.support import deadline
from lazymmu.support.deadline import Deadline


class Host:
    """A host with its own clock, on which QEMU's thread gets a share of a processor."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waited = 0.0

    def monotonic(self) -> float:
        return self.now

    def seconds_without_processor(self, _: int) -> dict[str, float]:
        return {"77": self.waited}

    def watch(self, guard: Watchdog, share: float, seconds: float = 600.0) -> str | None:
        """Look as often as the watchdog wants, for so many seconds; return why it gave up."""
        end = self.now + seconds
        reason = guard.look()
        while reason is None and self.now < end:
            wait = guard.until_look()
            self.now += wait
            self.waited += wait * (1 - share)
            reason = guard.look()
        return reason


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    fake = Host()
    for module in (watchdog, deadline):
        monkeypatch.setattr(module, "time", fake)
    monkeypatch.setattr(host_process, "seconds_without_processor", fake.seconds_without_processor)
    return fake


@pytest.mark.parametrize(("share", "factor"), [(1.0, 1.0), (0.5, 2.0), (0.0, 5.0)])
def test_time_without_a_processor_is_not_silence_but_at_most_four_fifths_count_as_lost(
    host: Host, share: float, factor: float
) -> None:
    begin = host.now
    assert host.watch(Watchdog(lambda: 1, Deadline.after(60), scale=1.0), share) == f"silent for {SILENCE:.1f} s"
    assert host.now - begin == pytest.approx(factor * SILENCE, abs=1.0)


def test_a_sign_of_life_starts_the_silence_again(host: Host) -> None:
    guard = Watchdog(lambda: 1, Deadline.after(60), scale=1.0)
    for _ in range(2):
        assert host.watch(guard, 1.0, SILENCE * 0.9) is None
        guard.heard()
    assert host.watch(guard, 1.0) is not None


@pytest.mark.parametrize(
    ("share", "starved", "reason"),
    [(0.1, True, "the host is too slow: QEMU waited "), (0.9, False, "not done within 3 s")],
)
def test_at_the_deadline_the_host_is_to_blame_if_the_guest_ran_less_than_half_of_the_time(
    host: Host, share: float, starved: bool, reason: str
) -> None:
    guard = Watchdog(lambda: 1, Deadline.after(3), scale=100)
    assert str(host.watch(guard, share)).startswith(reason)
    assert guard.host_starved() == starved


def test_time_in_which_the_harness_itself_was_stopped_is_not_silence(host: Host) -> None:
    guard = Watchdog(lambda: None, Deadline.after(600), scale=1.0)
    host.now += 100
    assert guard.look() is None
