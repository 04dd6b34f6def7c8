# SPDX-License-Identifier: GPL-2.0-only
"""Gives guests that are ready to run units: restored from a snapshot, or booted."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from lazymmu.guests import guest_symbols, snapshot, startup
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Memory
from lazymmu.guests.machine import Machine
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.snapshot_store import SnapshotStore
from lazymmu.guests.symbols import Symbols
from lazymmu.support.errors import GuestError, HostStarved

Send = Callable[[AgentConnection], None]


class GuestPool:
    """Gives ready guests of one machine: restored from snapshots, or booted without `restore`.

    It calls `changed` with a few words at the start of each step.
    """

    def __init__(
        self, machine: Machine, guests: RunningGuests, changed: Callable[[str], None], *, restore: bool
    ) -> None:
        self._machine = machine
        self._guests = guests
        self._changed = changed
        #: The snapshots from which it restores guests.
        self.snapshots = SnapshotStore(machine, guests, changed, restore=restore)

    @contextmanager
    def ready(self, send_early: Send | None = None) -> Iterator[AgentConnection]:
        """Run a guest that has loaded the module, for the length of a `with`. Raises GuestError, SetupError.

        While a guest is restored, `send_early` may be called with its connection, to send the first units. That guest
        may fail, so the yielded connection may be another one.
        """
        machine = self._machine
        with ExitStack() as stack:
            control, address = self._restored(stack, send_early) or self._booted(stack)
            if not machine.transport.direct:
                self._changed("connecting")
            connection = stack.enter_context(machine.transport.connect(control, machine.deadline(startup.REPLY)))
            limit = machine.deadline(startup.REPLY)
            kernel = guest_symbols.of_kernel(machine.images.cache, machine.boot, connection, limit)
            connection.guest.symbols = lambda: kernel() + Symbols.of_module(machine.module, address)
            self._changed("running")
            yield connection

    def _booted(self, stack: ExitStack) -> tuple[AgentConnection, int]:
        """Boot a guest that `stack` ends; return the connection to its init, and the module's address."""
        self._changed("booting")
        control = startup.boot(self._machine, self._guests, stack)
        startup.send_module(self._machine, control)
        self._machine.transport.send_ahead(control)
        return control, startup.await_module(self._machine, control)

    def _restored(self, stack: ExitStack, send_early: Send | None) -> tuple[AgentConnection, int] | None:
        """Restore a guest, and return what `_booted` does; None if there is no snapshot, or none loads."""
        machine = self._machine
        while (file := self.snapshots.take()) is not None:
            self._changed("restoring")
            has_module = file == self.snapshots.with_module
            with ExitStack() as attempt:
                guest = attempt.enter_context(self._guests.start(machine.boot, Memory(file, file)))
                try:
                    control = startup.after_restore(machine, guest, partial(self._send, has_module, send_early))
                except GuestError as error:
                    # A slow host and a signal to QEMU are not the snapshot's fault.
                    if self._guests.stopping.is_set() or isinstance(error, HostStarved) or guest.was_signalled():
                        raise
                    self.snapshots.reject(file, error)
                else:
                    stack.enter_context(attempt.pop_all())
                    if has_module:
                        return control, snapshot.module_address(file)
                    return control, startup.await_module(machine, control)
        return None

    def _send(self, has_module: bool, send_early: Send | None, control: AgentConnection) -> None:
        """Send what a snapshot's guest needs, and units if nothing else must come first."""
        machine = self._machine
        if not has_module:
            startup.send_module(machine, control)
        machine.transport.send_ahead(control)
        ready = has_module and machine.transport.direct
        if send_early is not None and ready and guest_symbols.are_cached(machine.images.cache, machine.boot):
            send_early(control)
