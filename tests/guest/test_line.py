# SPDX-License-Identifier: GPL-2.0-only
"""A report that was damaged on its way is an error, never a pass and never a failure."""

from __future__ import annotations

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
# How long a silent line is borne: 25 ms.
_SCALE = 0.005
_LONG = "description: x\nsteps: [repeat: {times: 30, steps: [enable, pause, resume]}]\n"


class Runs(Struct):
    """The units whose programs go over the line; each gets a number that no program had before."""

    units: Sequence[Unit]
    last: int = 0

    def next(self, chance: random.Random) -> tuple[Unit, int, str]:
        """Return a unit, its run's number, and its program."""
        self.last += 1
        unit = chance.choice(self.units)
        return unit, self.last, program.text(unit.case, run=self.last, api=unit.api, personality=unit.arch)


@pytest.fixture(scope="module", params=machines.ARCHES)
def guest(request: pytest.FixtureRequest) -> Iterator[Guest]:
    """A guest with the module loaded."""
    with machines.loaded(str(request.param)) as (guest, _):
        yield guest


@pytest.fixture
def runs(guest: Guest, tmp_path: Path) -> Runs:
    """A short and a long unit, in two revisions."""
    texts = (examples.NESTED, examples.NESTED, _LONG)
    return Runs([examples.unit(tmp_path, text, api, guest.name) for text in texts for api in ("amended", "proposal")])


def passes(line: AgentConnection, unit: Unit, run: int, text: str) -> bool:
    """Do what a run does with a unit: GuestError is an error, False a failure, True a pass."""
    answer = line.run(text, Deadline.after(30))
    complained = complaint(answer)
    if complained:
        raise GuestError(complained)
    observed = report.parse(answer, unit.case, run=run, api=unit.api, personality=unit.arch)
    return not judge(unit, examples.predicted(unit), observed)


def outcome(line: AgentConnection, unit: Unit, run: int, text: str) -> str:
    """Return the outcome of a unit and why it is an error."""
    try:
        return "pass" if passes(line, unit, run, text) else "fail"
    except GuestError as error:
        return f"error: {error}"


def exchange(
    between: Proxy, runs: Runs, chance: random.Random, damage: Callable[[bytes], Damaged]
) -> tuple[str, bytes]:
    """Run a unit through the proxy; return its outcome and the guest's own answer."""
    unit, run, text = runs.next(chance)
    real = between.ask(text)
    between.tell(damage(real))
    return outcome(between.line, unit, run, text), real


def unharmed(data: bytes) -> Damaged:
    return Damaged("none", data)


def one_damaged_report(guest: Guest, runs: Runs, kind: str, seed: int, earlier: list[bytes]) -> None:
    """Let one report be damaged, among others on the same line that are not."""
    chance = random.Random(seed)  # noqa: S311
    with proxy.between(guest, _SCALE) as between:
        for _ in range(chance.choice([0, 0, 1]) if earlier else 1):
            found, real = exchange(between, runs, chance, unharmed)
            assert found == "pass", f"seed {seed}: an undamaged report"
            earlier.append(real)
        sent: list[Damaged] = []

        def damage(real: bytes) -> Damaged:
            sent.append(proxy.damaged(real, kind, Chance(chance, between.requests, earlier)))
            return sent[0]

        found, real = exchange(between, runs, chance, damage)
        story = f"{guest.name}, seed {seed}, {kind}: {found}\nsent  {sent[0].data!r}\nwas   {real!r}"
        if sent[0].data.startswith(real):
            # What is wrong lies behind this answer: the next one cannot be told from it any more.
            assert found == "pass" or found.startswith("error: "), story
            found, _ = exchange(between, runs, chance, unharmed)
        assert found.startswith("error: "), story


def test_a_damaged_report_is_an_error(guest: Guest, runs: Runs, everyday_or_all: Callable[[int, int], int]) -> None:
    earlier: list[bytes] = []
    for number in range(everyday_or_all(_EVERYDAY, _ALL)):
        kind = list(proxy.KINDS)[number % len(proxy.KINDS)]
        one_damaged_report(guest, runs, kind, _SEED + number, earlier)
        del earlier[:-20]


def test_lines_of_progress_bear_no_verdict(guest: Guest, runs: Runs) -> None:
    chance = random.Random(_SEED)  # noqa: S311

    def told(data: bytes) -> Damaged:
        return Damaged("progress", b"".join(b"at 7\n" + line for line in data.splitlines(keepends=True)))

    with proxy.between(guest, scale=1.0) as between:
        assert [exchange(between, runs, chance, told)[0] for _ in range(3)] == ["pass"] * 3


def _around_done(real: bytes) -> Iterator[bytes]:
    """Yield an answer with each single byte of its last line lost, doubled, or become another."""
    begin = real.rfind(b"\n", 0, -1) + 1
    for at in range(begin, len(real)):
        yield real[:at] + real[at + 1 :]
        yield real[:at] + real[at : at + 1] + real[at:]
        for byte in b"\0\n\r 0123456789afAF":
            if byte != real[at]:
                yield real[:at] + bytes([byte]) + real[at + 1 :]
                yield real[:at] + bytes([byte]) + real[at:]


def test_each_byte_of_the_last_line_counts(guest: Guest, runs: Runs) -> None:
    chance = random.Random(_SEED)  # noqa: S311
    unit, run, text = runs.next(chance)
    with proxy.between(guest, _SCALE) as between:
        real = between.ask(text)
    undetected = []
    for data in _around_done(real):
        with proxy.between(guest, _SCALE) as between:
            between.tell(Damaged("a byte of the last line", data, closed=True))
            found = outcome(between.line, unit, run, text)
            if not found.startswith("error: ") and not data.startswith(real):
                undetected.append((found, data[data.rfind(b"\n", 0, -1) + 1 :]))
    assert not undetected


def test_a_file_in_a_report_is_an_error(guest: Guest, runs: Runs) -> None:
    chance = random.Random(_SEED)  # noqa: S311
    with proxy.between(guest, _SCALE) as between:
        found, _ = exchange(between, runs, chance, lambda data: Damaged("file", b"file 2 00000000\n\0\0" + data))
        assert found.startswith("error: ")
    with proxy.between(guest, _SCALE) as between:
        found, _ = exchange(between, runs, chance, lambda data: Damaged("file", b"file 0 00000000\n" + data))
        assert found.startswith("error: ")
