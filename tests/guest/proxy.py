# SPDX-License-Identifier: GPL-2.0-only
"""Stands between a harness and a real guest, and damages one of the guest's answers in a random way.

The guest gets each request before the harness sends it (requests may be sent ahead), so that the harness finds the
damaged answer, or silence, at once and no test has to wait for a slow guest.
"""

from __future__ import annotations

import os
import random
import re
import socket
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.channel_log import ChannelLog
from lazymmu.guests.qemu import Guest
from lazymmu.support.errors import GuestError, GuestHung
from msgspec import Struct

_DONE = re.compile(rb"^done [^\n]*\n", re.MULTILINE)
_PROGRESS = re.compile(rb"at [0-9]{1,10}")
_PIECE = 65536


class Damaged(Struct, frozen=True):
    """What the harness gets instead of an answer."""

    kind: str
    data: bytes
    #: Nothing comes behind it, and the line is closed.
    closed: bool = False


class Chance(Struct, frozen=True):
    """What damage is made of: random numbers, the request's own number, and the answers that came before."""

    random: random.Random
    request: int
    earlier: Sequence[bytes]

    def place(self, data: bytes) -> int:
        """Return a random place, at and near the last line more often than its share."""
        if self.random.random() < 0.2:
            return self.random.randrange(data.rfind(b"\n", 0, -1) + 1, len(data))
        return self.random.randrange(len(data))

    def part(self, data: bytes) -> tuple[int, int]:
        """Return where a random part begins and ends: a few bytes, or any number."""
        begin = self.place(data)
        longest = self.random.choice([1, 8, 200, len(data)])
        return begin, min(len(data), begin + self.random.randint(1, longest))

    def line(self, lines: Sequence[bytes]) -> int:
        """Return the index of a random line, often the last."""
        return len(lines) - 1 if self.random.random() < 0.2 else self.random.randrange(len(lines))


def answer(records: Sequence[bytes], request: int, status: int = 0) -> bytes:
    """Return an answer as an agent would write it."""
    lines = b"".join(b"k %b\n" % record for record in records)
    return lines + b"done %d %d %d %08x\n" % (request, status, len(records), zlib.crc32(lines))


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _cut(data: bytes, chance: Chance) -> bytes:
    return data[: chance.place(data)]


def _bits(data: bytes, chance: Chance) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.random.choice([1, 1, 2, 5, 40])):
        damaged[chance.place(data)] ^= 1 << chance.random.randrange(8)
    return bytes(damaged)


def _overwritten(data: bytes, chance: Chance) -> bytes:
    begin, end = chance.part(data)
    return data[:begin] + chance.random.randbytes(end - begin) + data[end:]


def _deleted(data: bytes, chance: Chance) -> bytes:
    begin, end = chance.part(data)
    return data[:begin] + data[end:]


def _line_deleted(data: bytes, chance: Chance) -> bytes:
    lines = _lines(data)
    del lines[chance.line(lines)]
    return b"".join(lines)


def _doubled(data: bytes, chance: Chance) -> bytes:
    begin, end = chance.part(data)
    return data[:end] + data[begin:]


def _line_doubled(data: bytes, chance: Chance) -> bytes:
    lines = _lines(data)
    which = chance.line(lines)
    return b"".join(lines[: which + 1] + lines[which:])


def _all_doubled(data: bytes, _: Chance) -> bytes:
    return data + data


def _lines_swapped(data: bytes, chance: Chance) -> bytes:
    lines = _lines(data)
    one, other = chance.line(lines), chance.line(lines)
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def _parts_swapped(data: bytes, chance: Chance) -> bytes:
    a, b, c, d = sorted(chance.random.randint(0, len(data)) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _foreign_bytes(data: bytes, chance: Chance) -> bytes:
    at = chance.random.choice([0, len(data), chance.place(data)])
    return data[:at] + chance.random.randbytes(chance.random.choice([1, 8, 200, 70_000])) + data[at:]


def _renumbered(data: bytes, chance: Chance) -> bytes:
    """The text of an earlier answer, with numbers that fit and a checksum that is right."""
    first = re.match(rb"k \d+,(\d+),", data)
    texts = re.findall(rb"^k [^;]*;([^\n]*)$", chance.random.choice(chance.earlier), re.MULTILINE)
    number = int(first[1]) if first else 0
    return answer([b"6,%d,1,-;%b" % (number + n, text) for n, text in enumerate(texts)], chance.request)


def _foreign_lines(data: bytes, chance: Chance) -> bytes:
    """Lines that could well be the agent's, where they do not belong."""
    first = re.match(rb"k \d+,(\d+),", data)
    number = int(first[1]) if first else 0
    other = chance.random.choice(chance.earlier)
    foreign = chance.random.choice(
        [
            b"hello lazymmu-agent 1 6.12.1 aarch64\n",
            b"refused a line that is not a request\n",
            b"k 6,%d,12345,-;lazymmu: run 1 begin revision=amended personality=s390x steps=1\n" % number,
            b"k 6,%d,12345,-;eth0: renamed\n" % chance.random.choice([number - 1, number, number + 1]),
            chance.random.choice(_lines(other)),
            b"".join(_lines(other)[:-1]),
            answer([], chance.request),
            answer([], chance.request, status=22),
            b"done %d 0 0 00000000\n" % (chance.request + 1),
            b"\n",
        ]
    )
    lines = _lines(data)
    at = chance.random.randrange(len(lines) + 1)
    return b"".join([*lines[:at], foreign, *lines[at:]])


def _replayed(_: bytes, chance: Chance) -> bytes:
    return chance.random.choice(chance.earlier)


def _replayed_first(data: bytes, chance: Chance) -> bytes:
    return chance.random.choice(chance.earlier) + data


#: Kind of damage -> what makes it, and whether the line is then closed.
KINDS: dict[str, tuple[Callable[[bytes, Chance], bytes], bool]] = {
    "cut, then silence": (_cut, False),
    "cut, then closed": (_cut, True),
    "bits flipped": (_bits, False),
    "bytes overwritten": (_overwritten, False),
    "bytes deleted": (_deleted, False),
    "a line deleted": (_line_deleted, False),
    "a part doubled": (_doubled, False),
    "a line doubled": (_line_doubled, False),
    "the answer doubled": (_all_doubled, False),
    "lines swapped": (_lines_swapped, False),
    "parts swapped": (_parts_swapped, False),
    "foreign bytes": (_foreign_bytes, False),
    "foreign lines": (_foreign_lines, False),
    "an earlier answer": (_replayed, False),
    "an earlier answer first": (_replayed_first, False),
    "an earlier report in a new answer": (_renumbered, False),
}


def meaning(data: bytes) -> list[bytes]:
    """Return the lines without those of progress: they bear no verdict, and any number of them may come."""
    return [line for line in data.split(b"\n") if not _PROGRESS.fullmatch(line)]


def damaged(data: bytes, kind: str, chance: Chance) -> Damaged:
    """Return an answer with damage of that kind: never one that means the same as before."""
    make, closed = KINDS[kind]
    while meaning(changed := make(data, chance)) == meaning(data):
        pass
    return Damaged(kind, changed, closed)


class Proxy:
    """The harness's view of a guest; `line` is what a harness asks, `tell` puts into it what the guest "says"."""

    def __init__(self, guest: Guest, near: socket.socket, far: socket.socket, scale: float) -> None:
        self.name = guest.name
        self.channel = near
        self.channel_log = ChannelLog(None, [])
        self.console = SimpleNamespace(received=0)
        self.line = AgentConnection(cast("Guest", self), scale)
        self._guest = guest
        self._far = far
        self._requests = 0

    def process(self) -> int:
        """Return a process that lives: what is silent here is the line."""
        return os.getpid()

    def death(self) -> GuestError:
        """Return the error for a closed line."""
        return GuestError(f"{self.name}: the connection was closed")

    def hang(self, what: str, *, agent_answers: bool, kind: type[GuestError] = GuestHung) -> GuestError:
        """Return the error for a silent line."""
        return kind(f"{self.name}: {what}, the agent answers: {agent_answers}")

    def details(self) -> str:
        """Return nothing: a fault of the line has no console."""
        return ""

    @property
    def requests(self) -> int:
        """Number of the request that was asked last."""
        return self._requests

    def ask(self, program: str) -> bytes:
        """Return the real guest's answer to the request that the harness will make of a program."""
        self._requests += 1
        payload = program.encode("ascii")
        self._guest.channel.settimeout(60.0)
        self._guest.channel.sendall(
            b"run %d %d %08x\n%b" % (self._requests, len(payload), zlib.crc32(payload), payload)
        )
        received = b""
        while not _DONE.search(received):
            piece = self._guest.channel.recv(_PIECE)
            if not piece:
                raise self._guest.death()
            received += piece
        return received

    def tell(self, damage: Damaged) -> None:
        """Let the harness find this when it asks."""
        self._far.setblocking(False)
        sent = self._far.send(damage.data) if damage.data else 0
        assert sent == len(damage.data), "the answer is too long for the socket"
        if damage.closed:
            self._far.shutdown(socket.SHUT_WR)


@contextmanager
def between(guest: Guest, scale: float) -> Iterator[Proxy]:
    """Hold a fresh line to the guest; `scale` is that of the harness's patience."""
    near, far = socket.socketpair()
    with near, far:
        for end in (near, far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        yield Proxy(guest, near, far, scale)
