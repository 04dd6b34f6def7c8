# SPDX-License-Identifier: GPL-2.0-only
"""What a transport is, and what a new one needs: one file of this folder.

Whatever carries it, harness and agent speak the requests and answers of docs/protocol.md, section 3, over a stream of
bytes, and `AgentConnection` (serial.py) has all of that, the completeness checks of `Line` included, for any socket. A
transport is how one gets to such a stream. The serial line is the channel of the guest's init as it is, and needs no
transport; `ssh.py` starts an agent more by SSH, whose standard input and output are the stream.

A third one, say a real board's serial port, is a file `board.py` beside it, with a class that has what `Transport` has,
its name in `arguments.py` and its line in `commands/common.py`, function `transport`:

* `fitted` and `ensure_bootable` say what the guest is started from, and may change and make nothing;
* `ahead` sends over the channel of the guest's init what has to be there before the stream can be opened, if anything;
* the module is loaded over that channel, too, before `open`, so that a snapshot can hold it;
* `open` opens the stream for the length of a `with`, `/dev/ttyUSB0` by pyserial, say, and carries its bytes to and
  from one end of a `socket.socketpair()`, a thread for each direction, as `ssh.py` does (`_piped`). At the port's other
  end runs `lazymmu-agent NEXT` (guest/agent/agent.c) with the port as its standard input and output; NEXT is the number
  of the first record of the kernel's log that counts. It yields an `AgentConnection(guest, scale, end of the pair)`,
  after `expect_hello`.

`AgentConnection` asks of the guest what `Guest` has (guests/qemu.py): `name`, `journal`, `console`, `process` (a
process that lives), and the errors `closed`, `hang`, `failure` and `details`. A board that is not QEMU's has an object
with those in place of what `Guests.start` gives (guests/pool.py), which also switches it on and off.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.setup import Images
from lazymmu.support.deadline import Deadline


class Transport(Protocol):
    """How the harness gets to an agent in the guests of a run; made once, used by any number of threads."""

    def fitted(self, boot: Boot, kernel: InstalledKernel) -> Boot:
        """Return what guests are started from, out of that for guests of the serial line."""

    def ensure_bootable(self, images: Images, boot: Boot, kernel: InstalledKernel) -> None:
        """Make what `fitted` names, where it is not there. Raises SetupError."""

    def ahead(self, control: AgentConnection) -> None:
        """Send over the channel of the guest's init what `open` needs; the guest may still be about to wake."""

    def open(self, control: AgentConnection, deadline: Deadline) -> AbstractContextManager[AgentConnection]:
        """Hold the line to a guest that woke, or booted, and was told by `ahead`. Raises GuestError."""
