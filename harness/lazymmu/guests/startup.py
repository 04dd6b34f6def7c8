# SPDX-License-Identifier: GPL-2.0-only
"""How a guest comes to the point where its agent answers, and gets the module."""

from __future__ import annotations

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

# Budgets in seconds, multiplied by --timeout-scale. They bound a guest that shows life and yet never comes to an end,
# and a host that is too slow; one that hangs is found long before (harness/lazymmu/guests/watchdog.py).
_BOOT = 120.0
ANSWER = 120.0
# Random bytes that a restored guest needs (guest/agent/snapshot.c), for all draw from the same pool.
_ENTROPY = 32


def boot(machine: Machine, guests: RunningGuests, stack: ExitStack, memory: Memory | None = None) -> AgentConnection:
    """Boot a guest that ends with `stack`; its agent waits. Raises GuestError, SetupError."""
    ensure_bootable(machine)
    line = _line(machine, stack.enter_context(guests.start(machine.boot, memory)))
    line.handshake(machine.within(_BOOT))
    return line


def wake(
    machine: Machine, guest: Guest, *, load: bool, reach: bool, ahead: Callable[[AgentConnection], None] | None = None
) -> AgentConnection:
    """Give a restored guest the time and random numbers of its own, and wait until it has them. Raises GuestError.

    What `loaded` (with `load`) and `reached` (with `reach`) wait for is on its way then, and what `ahead` sends, so
    that the guest does not wait for it.
    """
    line = _line(machine, guest)
    line.send("wake", f"{time.time_ns()}\n".encode() + os.urandom(_ENTROPY))
    send_ahead(machine, line, load=load, reach=reach)
    if ahead is not None:
        ahead(line)
    line.await_restore(machine.within(ANSWER))
    return line


def send_ahead(machine: Machine, line: AgentConnection, *, load: bool, reach: bool) -> None:
    """Send what `loaded` waits for, which is the module with its files, and what `reached` does."""
    if load:
        line.send("load", machine.module, machine.parameters)
        guest_symbols.ask_module(line)
        for file in machine.files:
            line.send_file(file.path, file.content, file.mode)
    if reach and machine.transport is not None:
        machine.transport.ahead(line)


def loaded(machine: Machine, line: AgentConnection) -> int:
    """Wait for the module and its files; return the address of its code. Raises GuestError."""
    line.await_load(machine.within(ANSWER))
    place = guest_symbols.module_place(line, machine.within(ANSWER))
    for file in machine.files:
        line.await_file(file.path, machine.within(ANSWER))
    return place


def reached(machine: Machine, line: AgentConnection, stack: ExitStack) -> AgentConnection:
    """Return the line over which the guest works; one that is opened for it ends with `stack`. Raises GuestError."""
    if machine.transport is None:
        return line
    return stack.enter_context(machine.transport.open(line, machine.within(ANSWER)))


def _line(machine: Machine, guest: Guest) -> AgentConnection:
    """Return the line to a guest that was just started."""
    guest.symbols = guest_symbols.kept(machine.images.cache, machine.boot)
    return AgentConnection(guest, machine.time_scale)
