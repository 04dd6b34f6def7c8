# SPDX-License-Identifier: GPL-2.0-only
"""Gives ready guests of one machine: restored from a snapshot, or booted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from lazymmu.guests import guest_symbols, snapshot, startup
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Memory
from lazymmu.guests.machine import Machine
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.snapshot_store import SavedSnapshot, SnapshotStore
from lazymmu.guests.symbols import Symbols
from lazymmu.support.errors import GuestError, HostStarved


class GuestPool:
    """Gives ready guests of one machine; `changed` is told what it does meanwhile, in a few words."""

    def __init__(
        self, machine: Machine, guests: RunningGuests, changed: Callable[[str], None], *, restore: bool
    ) -> None:
        self._machine = machine
        self._guests = guests
        self._changed = changed
        #: What guests are restored from; None when each boots.
        self._snapshots = SnapshotStore(machine, guests, changed) if restore else None

    def suspect_snapshot(self) -> None:
        """Note that a guest died: a snapshot of which a byte is wrong loads without a word."""
        if self._snapshots is not None:
            self._snapshots.suspect_snapshot()

    def snapshot_damage(self) -> str | None:
        """Return what is wrong with the snapshot of the guest of now, None when nothing is, or it booted."""
        return self._snapshots.snapshot_damage() if self._snapshots is not None else None

    @contextmanager
    def ready(self, ahead: Callable[[AgentConnection], None] | None = None) -> Iterator[AgentConnection]:
        """Run a guest with the module loaded for the length of a `with`. Raises GuestError, SetupError.

        `ahead` may be called before, with the line to a guest that wakes up with the module in it: it may send what
        that guest is to do next, so that it does not wait for us. It may have been another guest than the one given.
        """
        machine = self._machine
        with ExitStack() as stack:
            line, place = self._restored(stack, ahead) or self._booted(stack)
            kernel = guest_symbols.of_kernel(machine.images.cache, machine.boot, line, machine.within(startup.ANSWER))
            line.guest.symbols = lambda: kernel() + Symbols.of_module(machine.module, place)
            self._changed("running")
            yield line

    def _at_once(self, saved: SavedSnapshot) -> bool:
        """Return whether a guest that wakes up has nothing else to do, so that its first programs may be on their way.

        One that loads the module, is reached another way, or is asked for its symbols has.
        """
        machine = self._machine
        return saved.loaded and machine.transport is None and guest_symbols.known(machine.images.cache, machine.boot)

    def _booted(self, stack: ExitStack) -> tuple[AgentConnection, int]:
        """Boot a guest that ends with `stack`; return the line to it, and where the module lies."""
        self._changed("booting")
        line = startup.boot(self._machine, self._guests, stack)
        startup.send_ahead(self._machine, line, load=True, reach=True)
        return self._reached(line, startup.loaded(self._machine, line), stack)

    def _reached(self, line: AgentConnection, place: int, stack: ExitStack) -> tuple[AgentConnection, int]:
        if self._machine.transport is not None:
            self._changed("connecting")
        return startup.reached(self._machine, line, stack), place

    def _restored(
        self, stack: ExitStack, ahead: Callable[[AgentConnection], None] | None
    ) -> tuple[AgentConnection, int] | None:
        """Restore a guest as `_booted` boots one; None when no snapshot can be had, or none loads."""
        while self._snapshots is not None and (saved := self._snapshots.take()) is not None:
            self._changed("restoring")
            with ExitStack() as attempt:
                guest = attempt.enter_context(self._guests.start(self._machine.boot, Memory(saved.file, saved.file)))
                at_once = ahead if self._at_once(saved) else None
                try:
                    line = startup.wake(self._machine, guest, load=not saved.loaded, reach=True, ahead=at_once)
                except GuestError as error:
                    # A host that is too slow, or somebody who stops QEMU, is not the snapshot's fault.
                    if self._guests.stopping.is_set() or isinstance(error, HostStarved) or guest.meddled_with():
                        raise
                    self._snapshots.refuse(saved, error)
                else:
                    stack.enter_context(attempt.pop_all())
                    place = snapshot.place(saved.file) if saved.loaded else startup.loaded(self._machine, line)
                    return self._reached(line, place, stack)
        return None
