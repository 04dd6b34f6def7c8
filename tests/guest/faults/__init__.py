# SPDX-License-Identifier: GPL-2.0-only
"""A kernel module that breaks a guest on request, and guests for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.guests.machine import ensure_bootable
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError
from msgspec import Struct
from msgspec.structs import replace

from tests.guest import machines

SOURCE = Path(__file__).parent / "module"
_BOOT = 120.0
_LAST_OUTPUT = 2.0
# The kernel detects hangs later than the harness does.
_SCALE = 20.0


class Faulty(Struct, frozen=True):
    """One architecture's boot, and the fault module for it."""

    boot: Boot
    module: bytes

    @contextmanager
    def start(self, kernel_arguments: Sequence[str] = ()) -> Iterator[tuple[Guest, AgentConnection]]:
        """Run a guest whose agent waits for a module."""
        boot = replace(self.boot, kernel_arguments=(*self.boot.kernel_arguments, *kernel_arguments))
        with RunningGuests().start(boot) as guest:
            line = AgentConnection(guest, scale=_SCALE)
            line.handshake(Deadline.after(_BOOT))
            yield guest, line

    def console(self, faults: Sequence[str], *kernel_arguments: str, seconds: float = 20.0) -> str:
        """Return a guest's console after these faults; each has so many seconds."""
        with self.start(kernel_arguments) as (guest, line):
            for fault in faults:
                # Loading a fault always fails.
                with suppress(GuestError):
                    line.send("load", self.module, f"fault={fault}")
                    line.await_done("refused the module", Deadline.after(seconds))
            guest.console.wait_for_end(_LAST_OUTPUT)
            return guest.console.text()


def faulty(arch: str) -> Faulty:
    """Build the fault module for one architecture, and what its guest needs."""
    machine = machines.machine(arch)
    ensure_bootable(machine)
    return Faulty(boot=machine.boot, module=machines.build(arch, source=SOURCE, name="faults").read_bytes())
