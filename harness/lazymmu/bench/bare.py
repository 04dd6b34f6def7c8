# SPDX-License-Identifier: GPL-2.0-only
"""QEMU alone, without the harness: how fast a restore can be at best, and how the obvious way starts its guest."""

from __future__ import annotations

import socket
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from lazymmu.guests.boot import Boot, Memory
from lazymmu.support.errors import GuestError

# Any short file that is always there; only the fact of an answer matters.
_ASKED = b"/proc/uptime"


@contextmanager
def started(
    boot: Boot,
    lines: Sequence[str],
    memory: Memory | None = None,
    *,
    prefix: Callable[[Sequence[str]], Sequence[str]] = tuple,
) -> Iterator[dict[str, socket.socket]]:
    """Run QEMU for the length of a `with`; yield our ends of its `lines` (see `Boot.command`).

    `prefix` may put another program in front of QEMU's command.
    """
    with ExitStack() as stack:
        pairs = {line: socket.socketpair() for line in lines}
        for end in (end for pair in pairs.values() for end in pair):
            stack.enter_context(end)
        fds = {line: far.fileno() for line, (_, far) in pairs.items()}
        process = subprocess.Popen(
            prefix(boot.sandbox.command(boot.command(fds, memory))),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=tuple(fds.values()),
            # Ctrl-C on the terminal must reach the harness only.
            start_new_session=True,
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        for _, far in pairs.values():
            far.close()
        yield {line: near for line, (near, _) in pairs.items()}


def restore(boot: Boot, snapshot: Memory, seconds: float) -> float:
    """Return the seconds from QEMU's start to the first byte of an answer of the restored guest.

    Raises GuestError if `seconds` pass without one.
    """
    begin = time.monotonic()
    with started(boot, ("console", "channel", "startup"), snapshot) as lines:
        lines["startup"].sendall(boot.startup_commands(snapshot))
        channel = lines["channel"]
        channel.settimeout(seconds)
        channel.sendall(b"read 1 %d %08x\n%s" % (len(_ASKED), zlib.crc32(_ASKED), _ASKED))
        try:
            answer = channel.recv(1)
        except (TimeoutError, ConnectionResetError) as error:
            raise GuestError(f"{boot.architecture.name}: QEMU alone restored no guest that answers: {error}") from error
        took = time.monotonic() - begin
    if not answer:
        raise GuestError(f"{boot.architecture.name}: QEMU alone ended before the guest answered")
    return took
