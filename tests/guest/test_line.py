# SPDX-License-Identifier: GPL-2.0-only
"""A report that was damaged on its way is an error, never a pass and never a failure."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from lazymmu.guests.agent_connection import AgentConnection, complaint
from lazymmu.guests.qemu import Guest
from lazymmu.protocol import program, report
from lazymmu.results.result import Unit
from lazymmu.session.verdict import judge
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError
from msgspec import Struct

from tests.guest import machines, proxy
from tests.guest.proxy import Chance, Damaged, Proxy
from tests.unit import examples

_SEED = 1_000
# Reports to damage on each architecture.
_EVERYDAY, _ALL = 340, 2_000
# The guest may be silent for 15 ms.
_SCALE = 0.005
_LONG = "description: x\nsteps: [repeat: {times: 30, steps: [enable, pause, resume]}]\n"


class Programs(Struct):
    """The units whose programs are sent; each program gets a new number."""

    units: Sequence[Unit]
    last: int = 0

    def next(self, chance: random.Random) -> tuple[Unit, int, str]:
        """Return a unit, the number of its run, and its program."""
        self.last += 1
        unit = chance.choice(self.units)
        return unit, self.last, program.text(unit.case, run=self.last, api=unit.api, personality=unit.arch)


@pytest.fixture(scope="module", params=machines.ARCHES)
def guest(request: pytest.FixtureRequest) -> Iterator[Guest]:
    """A guest with the module loaded."""
    with machines.loaded(str(request.param)) as (guest, _):
        yield guest


@pytest.fixture
def programs(guest: Guest, tmp_path: Path) -> Programs:
    """A short and a long unit, in two revisions."""
    texts = (examples.NESTED, examples.NESTED, _LONG)
    return Programs(
        [examples.unit(tmp_path, text, api, guest.name) for text in texts for api in ("amended", "proposal")]
    )


def outcome(connection: AgentConnection, unit: Unit, run: int, text: str) -> str:
    """Run a unit as a worker does; return its outcome, and the reason of an error."""
    try:
        reply = connection.run(text, Deadline.after(30))
        if complained := complaint(reply):
            raise GuestError(complained)
        observed = report.parse(reply, unit.case, run=run, api=unit.api, personality=unit.arch)
    except GuestError as error:
        return f"error: {error}"
    return "fail" if judge(unit, examples.predicted(unit), observed) else "pass"


def exchange(
    between: Proxy, programs: Programs, chance: random.Random, damage: Callable[[bytes], Damaged]
) -> tuple[str, bytes]:
    """Run a unit through the proxy; return its outcome and the guest's own reply."""
    unit, run, text = programs.next(chance)
    real = between.ask(text)
    between.tell(damage(real))
    return outcome(between.agent, unit, run, text), real


def unharmed(data: bytes) -> Damaged:
    return Damaged("none", data)


def damage_one_report(guest: Guest, programs: Programs, kind: str, seed: int, earlier: list[bytes]) -> None:
    """Damage one report, after others on the same connection that are not damaged."""
    chance = random.Random(seed)  # noqa: S311
    with proxy.between(guest, _SCALE) as between:
        for _ in range(chance.choice([0, 0, 1]) if earlier else 1):
            result, real = exchange(between, programs, chance, unharmed)
            assert result == "pass", f"seed {seed}: an undamaged report"
            earlier.append(real)
        sent: list[Damaged] = []

        def damage(real: bytes) -> Damaged:
            sent.append(proxy.damaged(real, kind, Chance(chance, between.requests, earlier)))
            return sent[0]

        result, real = exchange(between, programs, chance, damage)
        story = f"{guest.name}, seed {seed}, {kind}: {result}\nsent  {sent[0].data!r}\nwas   {real!r}"
        if sent[0].data.startswith(real):
            # The damage follows a complete reply, so only the next reply shows it.
            assert result == "pass" or result.startswith("error: "), story
            result, _ = exchange(between, programs, chance, unharmed)
        assert result.startswith("error: "), story


def test_a_damaged_report_is_an_error(
    guest: Guest, programs: Programs, everyday_or_all: Callable[[int, int], int]
) -> None:
    earlier: list[bytes] = []
    for number in range(everyday_or_all(_EVERYDAY, _ALL)):
        kind = list(proxy.KINDS)[number % len(proxy.KINDS)]
        damage_one_report(guest, programs, kind, _SEED + number, earlier)
        del earlier[:-20]


def _around_done(real: bytes) -> Iterator[bytes]:
    """Yield a reply with each byte of its last line lost, doubled, or replaced by another."""
    begin = real.rfind(b"\n", 0, -1) + 1
    for at in range(begin, len(real)):
        yield real[:at] + real[at + 1 :]
        yield real[:at] + real[at : at + 1] + real[at:]
        for byte in b"\0\n\r 0123456789afAF":
            if byte != real[at]:
                yield real[:at] + bytes([byte]) + real[at + 1 :]
                yield real[:at] + bytes([byte]) + real[at:]


def test_each_byte_of_the_last_line_counts(guest: Guest, programs: Programs) -> None:
    unit, run, text = programs.next(random.Random(_SEED))  # noqa: S311
    with proxy.between(guest, _SCALE) as between:
        real = between.ask(text)
    undetected = []
    for data in _around_done(real):
        with proxy.between(guest, _SCALE) as between:
            between.tell(Damaged("a byte of the last line", data, closed=True))
            result = outcome(between.agent, unit, run, text)
            if not result.startswith("error: ") and not data.startswith(real):
                undetected.append((result, data[data.rfind(b"\n", 0, -1) + 1 :]))
    assert not undetected
