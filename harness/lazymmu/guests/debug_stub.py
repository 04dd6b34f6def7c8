# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's stub for debuggers: starts it, and stops a guest by it before a step of a program.

The module writes the number of each step to a variable when the step begins, and counts its threads in another one. So
two watchpoints stop the guest in every context, without a symbol of the kernel and without gdb.
"""

import socket
from collections.abc import Mapping, Sequence

from lazymmu.guests.monitor import Monitor
from lazymmu.support.deadline import Deadline

#: The module's variables that are watched: how many steps have begun, and how many threads of a program there are.
BEGUN, THREADS = "steps_begun", "live_threads"
#: Bytes of such a variable.
_SIZE = 4
_PIECE = 65_536
# 0 would mean not to wait at all.
_SHORTEST = 0.001
# gdb's remote protocol: the packets that add and remove a watchpoint for writes.
_WATCH, _UNWATCH = "Z2", "z2"


def start(monitor: Monitor, end: socket.socket, limit: Deadline, *, listens: bool) -> None:
    """Stop a guest, and let QEMU's stub use a socket: one that `listens`, or a connected one. Raises OSError."""
    monitor.execute("stop", limit)
    monitor.send_file("stub", end, limit)
    address = {"type": "fd", "data": {"str": "stub"}}
    data = {"addr": address, "server": listens} | ({"wait": False} if listens else {})
    monitor.execute("chardev-add", limit, {"id": "stub", "backend": {"type": "socket", "data": data}})
    said = monitor.execute("human-monitor-command", limit, {"command-line": "gdbserver chardev:stub"})
    if "Waiting for gdb connection" not in said:
        raise OSError(said.strip())


class DebugStub:
    """A connection to the stub of a stopped guest. Every method raises OSError."""

    def __init__(self, stream: socket.socket, *, little_endian: bool) -> None:
        self._stream = stream
        self._order = "little" if little_endian else "big"
        self._received = b""

    def run_to(self, step: int | None, variables: Mapping[str, int], limit: Deadline) -> bool:
        """Let the guest run until a step has just begun, or with None until all steps of its program have ended.

        `variables` are the addresses of BEGUN and THREADS. Returns False if the program ended and the step never began.
        """
        addresses = list(variables.values())
        self._all(_WATCH, addresses, limit)
        before = self._values(variables, limit)
        while True:
            self._ask("c", limit)
            now = self._values(variables, limit)
            if now == before:
                # Some architectures stop before the variable is written: step over that instruction.
                self._all(_UNWATCH, addresses, limit)
                self._ask("s", limit)
                now = self._values(variables, limit)
                self._all(_WATCH, addresses, limit)
            ended = now[THREADS] < before[THREADS]
            if ended or (step is not None and now[BEGUN] == step + 1):
                self._all(_UNWATCH, addresses, limit)
                return ended is (step is None)
            before = now

    def _values(self, variables: Mapping[str, int], limit: Deadline) -> dict[str, int]:
        read = {name: self._ask(f"m{address:x},{_SIZE}", limit) for name, address in variables.items()}
        try:
            order = self._order
            return {name: int.from_bytes(bytes.fromhex(value), order) for name, value in read.items()}  # type: ignore[arg-type]
        except ValueError:
            raise OSError(f"QEMU's stub does not read the guest's memory: {read}") from None

    def _all(self, packet: str, addresses: Sequence[int], limit: Deadline) -> None:
        for address in addresses:
            if (reply := self._ask(f"{packet},{address:x},{_SIZE}", limit)) != "OK":
                raise OSError(f"QEMU's stub refuses a watchpoint: {reply or 'not supported'}")

    def _ask(self, packet: str, limit: Deadline) -> str:
        """Send a packet, and return the reply; that to `c` or `s` comes when the guest has stopped."""
        body = packet.encode("ascii")
        self._stream.sendall(b"$%b#%02x" % (body, sum(body) % 256))
        while (end := self._received.find(b"#")) < 0 or len(self._received) < end + 3:
            self._stream.settimeout(max(limit.remaining(), _SHORTEST))
            if not (data := self._stream.recv(_PIECE)):
                raise ConnectionResetError("QEMU's stub was closed")
            self._received += data
        reply, self._received = self._received[:end], self._received[end + 3 :]
        self._stream.sendall(b"+")
        return reply.rpartition(b"$")[2].decode("ascii", errors="replace")
