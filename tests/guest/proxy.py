# SPDX-License-Identifier: GPL-2.0-only
"""A proxy between the harness and a real guest, which damages one of the guest's replies at random.

The guest gets each request before the harness sends it (requests may be sent ahead). So the harness finds the damaged
reply, or silence, at once, and no test waits for a slow guest.
"""

import random
import re
import socket
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lazymmu.guests.qemu import Guest
from msgspec import Struct

from tests.unit.guests.peer import Peer, reply

_DONE = re.compile(rb"^done [^\n]*\n", re.MULTILINE)
_PROGRESS = re.compile(rb"at [0-9]{1,10}")
_FIRST = re.compile(rb"k \d+,(\d+),")
_PIECE = 65536


class Damaged(Struct, frozen=True):
    """What the harness receives instead of a reply."""

    kind: str
    data: bytes
    #: True if the connection is closed afterwards.
    closed: bool = False


class Chance(Struct, frozen=True):
    """What damage is made from: random numbers, the request's number, and the replies before."""

    random: random.Random
    request: int
    earlier: Sequence[bytes]

    def place(self, data: bytes) -> int:
        """Return a random offset, in the last line more often than its share."""
        if self.random.random() < 0.2:
            return self.random.randrange(data.rfind(b"\n", 0, -1) + 1, len(data))
        return self.random.randrange(len(data))

    def part(self, data: bytes) -> tuple[int, int]:
        """Return begin and end of a random part: a few bytes, or any number."""
        begin = self.place(data)
        longest = self.random.choice([1, 8, 200, len(data)])
        return begin, min(len(data), begin + self.random.randint(1, longest))

    def line(self, lines: Sequence[bytes]) -> int:
        """Return the index of a random line, often the last."""
        return len(lines) - 1 if self.random.random() < 0.2 else self.random.randrange(len(lines))


Damage = Callable[[bytes, Chance], bytes]


def _on_part(change: Callable[[bytes, bytes, bytes, random.Random], bytes]) -> Damage:
    """Return the damage that puts a reply together again from what is before, in and after a random part."""

    def damage(data: bytes, chance: Chance) -> bytes:
        begin, end = chance.part(data)
        return change(data[:begin], data[begin:end], data[end:], chance.random)

    return damage


def _on_lines(change: Callable[[list[bytes], int, int], list[bytes]]) -> Damage:
    """Return the damage that gets a reply's lines, and the indices of two of them."""

    def damage(data: bytes, chance: Chance) -> bytes:
        lines = data.splitlines(keepends=True)
        return b"".join(change(lines, chance.line(lines), chance.line(lines)))

    return damage


def _swapped(lines: list[bytes], one: int, other: int) -> list[bytes]:
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def _bits(data: bytes, chance: Chance) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.random.choice([1, 1, 2, 5, 40])):
        damaged[chance.place(data)] ^= 1 << chance.random.randrange(8)
    return bytes(damaged)


def _parts_swapped(data: bytes, chance: Chance) -> bytes:
    a, b, c, d = sorted(chance.random.randint(0, len(data)) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _foreign_bytes(data: bytes, chance: Chance) -> bytes:
    at = chance.random.choice([0, len(data), chance.place(data)])
    return data[:at] + chance.random.randbytes(chance.random.choice([1, 8, 200, 70_000])) + data[at:]


def _first_record(data: bytes) -> int:
    first = _FIRST.match(data)
    return int(first[1]) if first else 0


def _renumbered(data: bytes, chance: Chance) -> bytes:
    """Return the text of an earlier reply, with numbers that fit and a right checksum."""
    texts = re.findall(rb"^k [^;]*;([^\n]*)$", chance.random.choice(chance.earlier), re.MULTILINE)
    return reply(*texts, request=chance.request, first=_first_record(data))


def _foreign_lines(data: bytes, chance: Chance) -> bytes:
    """Insert lines that the agent could have sent, in a wrong place."""
    number, other = _first_record(data), chance.random.choice(chance.earlier).splitlines(keepends=True)
    foreign = chance.random.choice(
        [
            b"hello lazymmu-agent 1 6.12.1 aarch64\n",
            b"refused a line that is not a request\n",
            b"k 6,%d,12345,-;lazymmu: run 1 begin revision=amended personality=s390x steps=1\n" % number,
            b"k 6,%d,12345,-;eth0: renamed\n" % chance.random.choice([number - 1, number, number + 1]),
            chance.random.choice(other),
            b"".join(other[:-1]),
            reply(request=chance.request),
            reply(request=chance.request, status=22),
            b"done %d 0 0 00000000\n" % (chance.request + 1),
            b"\n",
        ]
    )
    lines = data.splitlines(keepends=True)
    at = chance.random.randrange(len(lines) + 1)
    return b"".join([*lines[:at], foreign, *lines[at:]])


#: Kind of damage -> what makes it, and whether the connection is closed afterwards.
KINDS: dict[str, tuple[Damage, bool]] = {
    "cut, then silence": (lambda data, chance: data[: chance.place(data)], False),
    "cut, then closed": (lambda data, chance: data[: chance.place(data)], True),
    "bits flipped": (_bits, False),
    "bytes overwritten": (_on_part(lambda a, part, b, chance: a + chance.randbytes(len(part)) + b), False),
    "bytes deleted": (_on_part(lambda a, _part, b, _: a + b), False),
    "a line deleted": (_on_lines(lambda lines, one, _: lines[:one] + lines[one + 1 :]), False),
    "a part doubled": (_on_part(lambda a, part, b, _: a + part + part + b), False),
    "a line doubled": (_on_lines(lambda lines, one, _: lines[: one + 1] + lines[one:]), False),
    "the reply doubled": (lambda data, _: data + data, False),
    "lines swapped": (_on_lines(_swapped), False),
    "parts swapped": (_parts_swapped, False),
    "foreign bytes": (_foreign_bytes, False),
    "foreign lines": (_foreign_lines, False),
    "an earlier reply": (lambda _, chance: chance.random.choice(chance.earlier), False),
    "an earlier reply first": (lambda data, chance: chance.random.choice(chance.earlier) + data, False),
    "an earlier report in a new reply": (_renumbered, False),
}


def meaning(data: bytes) -> list[bytes]:
    """Return the lines without reports of progress, of which any number may come."""
    return [line for line in data.split(b"\n") if not _PROGRESS.fullmatch(line)]


def damaged(data: bytes, kind: str, chance: Chance) -> Damaged:
    """Return a reply with damage of this kind, which never means the same as before."""
    make, closed = KINDS[kind]
    while meaning(changed := make(data, chance)) == meaning(data):
        pass
    return Damaged(kind, changed, closed)


class Proxy(Peer):
    """The guest that the harness sees. `ask` asks the real guest, and `tell` lets the harness receive something."""

    def __init__(self, guest: Guest, near: socket.socket, far: socket.socket, scale: float) -> None:
        super().__init__(near, far)
        self.name = guest.name
        self.agent = self.connection(scale)
        #: Number of the last request.
        self.requests = 0
        self._guest = guest

    def ask(self, program: str) -> bytes:
        """Return the real guest's reply to the next request of the harness, which runs this program."""
        self.requests += 1
        payload, channel = program.encode("ascii"), self._guest.channel
        channel.settimeout(60.0)
        channel.sendall(b"run %d %d %08x\n%b" % (self.requests, len(payload), zlib.crc32(payload), payload))
        received = b""
        while not _DONE.search(received):
            piece = channel.recv(_PIECE)
            if not piece:
                raise self._guest.death()
            received += piece
        return received

    def tell(self, damage: Damaged) -> None:
        """Let the harness receive this when it asks."""
        self.far.setblocking(False)
        sent = self.far.send(damage.data) if damage.data else 0
        assert sent == len(damage.data), "the reply is too long for the socket"
        if damage.closed:
            self.far.shutdown(socket.SHUT_WR)


@contextmanager
def between(guest: Guest, scale: float) -> Iterator[Proxy]:
    """Hold a new connection to the guest; `scale` multiplies how long it may be silent."""
    near, far = socket.socketpair()
    with near, far:
        for end in (near, far):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        yield Proxy(guest, near, far, scale)
