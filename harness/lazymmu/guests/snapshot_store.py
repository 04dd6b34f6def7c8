# SPDX-License-Identifier: GPL-2.0-only
"""The snapshots of one machine: of a guest whose agent waits, and of one that has the module and its files, too.

The first is saved by the first run. The second costs as much as some loads of the module, so it is saved when an
earlier run has built the module, and its files, already: an edit that nobody will run again has none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from msgspec import Struct

from lazymmu.guests import snapshot, startup
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Memory
from lazymmu.guests.machine import Machine
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.provision import checksum
from lazymmu.provision.cache import whole
from lazymmu.support.errors import GuestError, SetupError

#: Bytes on disk while a snapshot is saved: the memory, what of it is not zero, and the state.
SNAPSHOT_NEEDS = 320_000_000


class SavedSnapshot(Struct, frozen=True):
    """A snapshot to restore guests from."""

    file: Path
    #: Whether the module is in it, with its files.
    loaded: bool


def _loaded_path(machine: Machine) -> Path:
    """Return where the snapshot of a guest stands that has the module, and the files that came with it."""
    files = [f"{file.path} {file.mode:o} {file.key}" for file in machine.files]
    return snapshot.path(machine.boot, machine.module, machine.parameters, files)


class SnapshotStore:
    """Gives the snapshot to restore from, saved first where there is none; `changed` is told what is done meanwhile."""

    def __init__(self, machine: Machine, guests: RunningGuests, changed: Callable[[str], None]) -> None:
        self._machine = machine
        self._guests = guests
        self._changed = changed
        self._waiting = snapshot.path(machine.boot)
        self._loaded = _loaded_path(machine)
        #: Those that did not load and were removed once: the second time guests do without.
        self._refused: set[Path] = set()
        #: Which can be had, as far as is known.
        self._usable = {self._waiting: True, self._loaded: True}
        #: Look at the whole snapshot before the next guest.
        self._doubted = False
        #: What the guest of now came from, until it was looked at.
        self._taken: Path | None = None

    def suspect_snapshot(self) -> None:
        """Note that a guest died: a snapshot of which a byte is wrong loads without a word."""
        self._doubted = True

    def take(self) -> SavedSnapshot | None:
        """Return the snapshot for the next guest, None when none can be had. Raises GuestError when none is saved."""
        look = checksum.mismatch if self._doubted else checksum.glance
        self._doubted, self._taken = False, None
        with_module = self._usable[self._loaded]
        if with_module and whole(self._loaded, look):
            return self._used(SavedSnapshot(self._loaded, loaded=True))
        if not self._obtain(self._waiting, "guests boot", self._save_waiting, look):
            return None
        if with_module and self._machine.built_before:
            why = "each guest loads its module"
            with suppress(GuestError):  # whoever loads the module into a guest of its own will see it, too
                if self._obtain(self._loaded, why, self._save_loaded, look):
                    return self._used(SavedSnapshot(self._loaded, loaded=True))
            self._usable[self._loaded] = False
        return self._used(SavedSnapshot(self._waiting, loaded=False))

    def _used(self, saved: SavedSnapshot) -> SavedSnapshot:
        """Return it, after noting its use: file systems do so once a day at most (relatime), and old ones are dropped.

        The one without the module stays young with the other: the next edit needs it.
        """
        for file in {self._waiting, saved.file}:
            with suppress(OSError):
                os.utime(file, ns=(time.time_ns(), file.stat().st_mtime_ns))
        self._taken = saved.file
        return saved

    def snapshot_damage(self) -> str | None:
        """Return what is wrong with the snapshot of the guest of now, None when nothing is known to be.

        To look takes a third of a second, so it is done once for each guest.
        """
        taken, self._taken = self._taken, None
        # One that was dropped meanwhile cannot be looked at.
        with suppress(OSError):
            return checksum.mismatch(taken) if taken else None
        return None

    def refuse(self, saved: SavedSnapshot, error: GuestError) -> None:
        """Remove a snapshot that does not load, to be saved anew once; the second time guests do without."""
        cache, name = self._machine.images.cache, self._machine.name
        if saved.file in self._refused:
            cache.progress.say(f"{name}: the new snapshot does not load either, so guests boot: {error.message}")
            self._usable = dict.fromkeys(self._usable, False)
            return
        self._refused.add(saved.file)
        cache.progress.say(f"{name}: the snapshot {saved.file} does not load and is saved anew: {error.message}")
        cache.discard(saved.file, self._what())

    def _what(self) -> str:
        return f"snapshot of {self._machine.name}"

    def _obtain(
        self, target: Path, otherwise: str, save: Callable[[Path], None], look: Callable[[Path], str | None]
    ) -> bool:
        """See to it that a snapshot is there; return whether it is. It is said once what happens without."""
        cache = self._machine.images.cache
        if not self._usable[target]:
            return False
        made: list[Path] = []

        def build(path: Path) -> None:
            save(path)
            made.append(path)

        try:
            cache.obtain(target, self._what(), build, needs=SNAPSHOT_NEEDS, look=look)
        except SetupError as error:
            cache.tools.check(self._what())
            cache.progress.say(f"{self._machine.name}: no snapshot can be kept, so {otherwise}: {error.message}")
            self._usable[target] = False
            return False
        if made:
            self._drop_old(target.parent)
        return True

    def _drop_old(self, folder: Path) -> None:
        """Remove the snapshots for which their limit leaves no room; guests that came from one are not disturbed."""
        # Only for those who add one: it takes a while to load.
        from lazymmu.provision.inventory import SNAPSHOTS, beyond, stored  # noqa: PLC0415

        for removal in beyond(stored(folder, SNAPSHOTS), SNAPSHOTS.limit):
            # What cannot be removed now goes with a later one, or by `lazymmu clean`.
            with suppress(SetupError, OSError):
                self._machine.images.cache.discard(removal.path, "old snapshot")

    def _save_waiting(self, target: Path) -> None:
        """Boot a guest and save it when its agent waits."""
        memory = target.with_name("memory")
        with memory.open("wb") as file:
            # A guest whose memory finds no room on the disk would die of it.
            os.posix_fallocate(file.fileno(), 0, self._machine.boot.memory_size)
        self._changed("booting, for a snapshot")
        with ExitStack() as stack:
            line = startup.boot(self._machine, self._guests, stack, Memory(memory))
            self._save(line, memory, target)

    def _save_loaded(self, target: Path) -> None:
        """Restore a guest that waits, load the module with its files, and save it again."""
        memory = target.with_name("memory")
        snapshot.copy_memory(self._waiting, memory, self._machine.boot.memory_size)
        self._changed("loading the module, for a snapshot")
        with ExitStack() as stack:
            guest = stack.enter_context(self._guests.start(self._machine.boot, Memory(memory, state=self._waiting)))
            # What reaches the guest another way, keys above all, is in no snapshot.
            line = startup.wake(self._machine, guest, load=True, reach=False)
            place = startup.loaded(self._machine, line)
            self._save(line, memory, target)
        snapshot.keep_place(target, place)

    def _save(self, line: AgentConnection, memory: Path, target: Path) -> None:
        line.trim_memory(self._machine.within(startup.ANSWER))
        self._changed("saving a snapshot")
        snapshot.save(line.guest, memory, target)
