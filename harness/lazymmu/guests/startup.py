# SPDX-License-Identifier: GPL-2.0-only
"""The steps from a QEMU process to a guest that runs units: boot or restore, load the module, connect.

Requests can be sent before the guest can answer them. Each step has a function that sends, and one that waits.
"""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack

from lazymmu.guests import guest_symbols
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Memory
from lazymmu.guests.machine import Machine, ensure_bootable
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.watchdog import BOOT_SILENCE
from lazymmu.support.errors import GuestError

# Limits in seconds, multiplied by --timeout-scale. They apply to a guest that is alive but never finishes, and to a
# host that is too slow. The watchdog finds a guest that hangs long before (harness/lazymmu/guests/watchdog.py).
_BOOT = 120.0
REPLY = 120.0
# Random bytes for a restored guest (guest/agent/snapshot.c). Without them, all guests would draw the same numbers.
_ENTROPY = 32
# Holds the address of the module's code.
_TEXT = "/sys/module/lazymmu/sections/.text"


def boot(machine: Machine, guests: RunningGuests, stack: ExitStack, memory: Memory | None = None) -> AgentConnection:
    """Boot a guest until its agent waits for requests; `stack` ends it. Raises GuestError, SetupError."""
    ensure_bootable(machine)
    control = _control(machine, stack.enter_context(guests.start(machine.boot, memory)))
    control.handshake(machine.deadline(_BOOT))
    return control


def after_restore(machine: Machine, guest: Guest, send_more: Callable[[AgentConnection], None]) -> AgentConnection:
    """Give a restored guest the time and its own random numbers. Raises GuestError.

    `send_more` sends the requests that follow, before the guest runs.
    """
    control = _control(machine, guest)
    control.send("wake", f"{time.time_ns()}\n".encode() + os.urandom(_ENTROPY))
    send_more(control)
    # It takes longer than others, because QEMU has to start first.
    control.await_done("could not be given the time", machine.deadline(REPLY), BOOT_SILENCE)
    return control


def send_module(machine: Machine, control: AgentConnection) -> None:
    """Send the module and the files that belong to it."""
    control.send("load", machine.module, machine.parameters)
    control.send("read", _TEXT.encode())
    for file in machine.files:
        control.send_file(file.path, file.content, file.mode)


def await_module(machine: Machine, control: AgentConnection) -> int:
    """Wait until the module is loaded and its files are written; return its address. Raises GuestError."""
    control.await_done("refused the module", machine.deadline(REPLY))
    address = control.await_read(_TEXT, machine.deadline(REPLY))
    for file in machine.files:
        control.await_file(file.path, machine.deadline(REPLY))
    try:
        return int(address, 16)
    except ValueError:
        raise GuestError(f"{_TEXT} in the guest is not an address: {address[:100]!r}") from None


def _control(machine: Machine, guest: Guest) -> AgentConnection:
    """Return the connection to the init of a guest that was just started."""
    guest.symbols = guest_symbols.cached(machine.images.cache, machine.boot)
    return AgentConnection(guest, machine.time_scale)
