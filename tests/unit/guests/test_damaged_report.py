# SPDX-License-Identifier: GPL-2.0-only
"""A report that was damaged on its way is an error, never a pass and never a failure."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from lazymmu.guests.agent_connection import complaint
from lazymmu.protocol import expected_report, report
from lazymmu.results.result import Unit
from lazymmu.session.verdict import judge
from lazymmu.support.errors import GuestError

from tests.unit import examples
from tests.unit.guests.peer import connected, reply, soon
from tests.unit.protocol.test_report import RECORDED

REAL = reply(*(line.encode() for line in RECORDED))
_SEED = 1_000


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    """The unit that a real guest ran for REAL."""
    return examples.unit(tmp_path)


def outcome(unit: Unit, data: bytes) -> str:
    """Return the outcome of a unit whose guest sends this and closes the connection."""
    with connected() as peer:
        peer.says(data)
        peer.far.shutdown(socket.SHUT_WR)
        try:
            received = peer.connection().run("program", soon())
            if complained := complaint(received):
                raise GuestError(complained)
            observed = report.parse(received, unit.case, run=1, api=unit.api, personality=unit.arch)
        except GuestError:
            return "error"
    return "fail" if judge(unit, unit.case, examples.predicted(unit), observed) else "pass"


def earlier_report(unit: Unit, run: int) -> list[bytes]:
    """Return the records of a run before."""
    trace = examples.predicted(unit)
    lines = expected_report.lines(trace, run=run, api=unit.api, personality=unit.arch, steps=len(trace.steps))
    return [f"lazymmu: {line}".encode() for line in lines]


def damaged(unit: Unit, chance: Random) -> Iterator[bytes]:
    """Yield the reply with damage of each kind."""
    lines = REAL.splitlines(keepends=True)
    a, b, c, d = sorted(chance.randint(0, len(REAL)) for _ in range(4))
    one, other = sorted(chance.sample(range(len(lines)), 2))
    begin = chance.randrange(len(REAL))
    end = min(len(REAL), begin + chance.choice([1, 8, 200, len(REAL)]))
    before, part, after = REAL[:begin], REAL[begin:end], REAL[end:]
    # Cut, overwritten, deleted, doubled, swapped, and among foreign bytes
    yield before
    yield before + chance.randbytes(len(part)) + after
    yield before + after
    yield before + part + part + after
    yield REAL[:a] + REAL[c:d] + REAL[b:c] + REAL[a:b] + REAL[d:]
    yield before + chance.randbytes(chance.choice([1, 8, 200, 20_000])) + part + after
    flipped = bytearray(REAL)
    for _ in range(chance.choice([1, 2, 5, 40])):
        flipped[chance.randrange(len(REAL))] ^= 1 << chance.randrange(8)
    yield bytes(flipped)
    # The same with lines
    yield b"".join([*lines[:one], *lines[one + 1 :]])
    yield b"".join([*lines[: one + 1], *lines[one:]])
    yield b"".join([*lines[:one], lines[other], *lines[one + 1 : other], lines[one], *lines[other + 1 :]])
    # Replies to other requests, and lines that the agent could have sent
    records = earlier_report(unit, 0)
    earlier = reply(*records, request=0)
    for foreign in (
        *(earlier, reply(), reply(status=22), b"".join(earlier.splitlines(keepends=True)[:-1])),
        *(b"hello lazymmu-agent 1 6.12.1 aarch64\n", b"refused a line that is not a request\n", b"\n"),
        *(b"k 6,%d,12345,-;eth0: renamed\n" % chance.choice([6, 7, 8]), b"done 2 0 0 00000000\n"),
    ):
        yield b"".join([*lines[:one], foreign, *lines[one:]])
    yield earlier
    # An earlier report in a new reply, with numbers that fit and a right checksum
    yield reply(*records)


def test_the_report_as_it_was_passes_also_after_a_part_of_it_was_made_by_the_model(unit: Unit) -> None:
    assert outcome(unit, REAL) == outcome(unit, reply(*earlier_report(unit, 1))) == "pass"


def test_a_damaged_report_is_an_error(unit: Unit, everyday_or_all: Callable[[int, int], int]) -> None:
    for seed in range(_SEED, _SEED + everyday_or_all(50, 2_000)):
        for number, data in enumerate(damaged(unit, Random(seed))):  # noqa: S311  (a fixed sequence)
            # What follows a complete reply is an error of the next request (test_agent_connection.py).
            if not data.startswith(REAL):
                assert outcome(unit, data) == "error", f"seed {seed}, damage {number}: {data!r}"


def test_each_byte_of_the_last_line_counts(unit: Unit) -> None:
    undetected = []
    for at in range(REAL.rfind(b"\n", 0, -1) + 1, len(REAL)):
        for byte in (b"", *re.findall(rb"(?s).", b"\0\n\r 0123456789afAF")):
            for end in (at, at + 1):
                data = REAL[:at] + byte + REAL[end:]
                if not data.startswith(REAL) and outcome(unit, data) != "error":
                    undetected.append(data[at - 20 :])
    assert undetected == []
