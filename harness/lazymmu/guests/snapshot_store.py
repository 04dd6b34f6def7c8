# SPDX-License-Identifier: GPL-2.0-only
"""The two snapshots of a machine: one before the module is loaded, and one after.

The first run saves the first one. The second one costs as much as a few loads of the module, so it is saved only if an
earlier run already built the same module and files: an edit that runs only once does not get one.
"""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from lazymmu.guests import snapshot, startup
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Memory
from lazymmu.guests.machine import Machine
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.watchdog import BOOT_SILENCE
from lazymmu.provision import checksum
from lazymmu.provision.cache import whole
from lazymmu.support.errors import GuestError, SetupError

#: Bytes on disk while a snapshot is saved: the memory, the part of it that is not zero, and the state.
SNAPSHOT_NEEDS = 320_000_000


class SnapshotStore:
    """Gives the snapshot to restore a guest from, after saving one if needed; none without `restore`.

    It calls `changed` with a few words at the start of each step.
    """

    def __init__(
        self, machine: Machine, guests: RunningGuests, changed: Callable[[str], None], *, restore: bool
    ) -> None:
        self._machine = machine
        self._guests = guests
        self._changed = changed
        self._description = f"snapshot of {machine.name}"
        self._plain = snapshot.path(machine.boot)
        files = [f"{file.path} {file.mode:o} {file.key}" for file in machine.files]
        #: The snapshot with the module and its files.
        self.with_module = snapshot.path(machine.boot, machine.module, machine.parameters, files)
        #: Snapshots that did not load and were removed once.
        self._rejected: set[Path] = set()
        #: False for a snapshot that is not wanted, or cannot be saved or loaded here.
        self._usable = dict.fromkeys((self._plain, self.with_module), restore)
        #: True if the next guest needs a snapshot whose checksum was verified.
        self._suspected = False
        #: The snapshot of the current guest, until its checksum was verified.
        self._unverified: Path | None = None

    def suspect(self) -> None:
        """Verify the snapshot before the next guest. QEMU loads a damaged one without an error, and the guest dies."""
        self._suspected = True

    def save_ahead(self) -> None:
        """Save the snapshot before the module is loaded, if there is none yet; the module may not be there, either."""
        # The next guest boots, too, and will meet the same error.
        with suppress(GuestError):
            self._obtain(self._plain, "guests boot", self._save_plain, checksum.glance)

    def take(self) -> Path | None:
        """Return the snapshot for the next guest, None if there is none. Raises GuestError if a boot for one fails."""
        look = checksum.mismatch if self._suspected else checksum.glance
        self._suspected, self._unverified = False, None
        if self._usable[self.with_module] and whole(self.with_module, look):
            return self._used(self.with_module)
        if not self._obtain(self._plain, "guests boot", self._save_plain, look):
            return None
        if self._usable[self.with_module] and self._machine.built_before:
            # The next guest loads the module, too, and will meet the same error.
            with suppress(GuestError):
                if self._obtain(self.with_module, "each guest loads its module", self._save_with_module, look):
                    return self._used(self.with_module)
            self._usable[self.with_module] = False
        return self._used(self._plain)

    def _used(self, file: Path) -> Path:
        """Return a snapshot, after setting its access time, by which old snapshots are removed.

        With `relatime`, a file system would do so once a day at most. The plain snapshot counts as used, too: the next
        edit of the module needs it.
        """
        for each in {self._plain, file}:
            with suppress(OSError):
                os.utime(each, ns=(time.time_ns(), each.stat().st_mtime_ns))
        self._unverified = file
        return file

    def current_damage(self) -> str | None:
        """Return what is wrong with the snapshot of the current guest, None if nothing is, or if the guest booted.

        To verify the checksum takes a third of a second, so it is done once for each guest.
        """
        file, self._unverified = self._unverified, None
        # Another run may have removed it meanwhile.
        with suppress(OSError):
            return checksum.mismatch(file) if file else None
        return None

    def reject(self, file: Path, error: GuestError) -> None:
        """Remove a snapshot that does not load, so that it is saved again. The second time, use none any more."""
        cache, name = self._machine.images.cache, self._machine.name
        if file in self._rejected:
            cache.progress.say(f"{name}: the new snapshot does not load either, so guests boot: {error.message}")
            self._usable = dict.fromkeys(self._usable, False)
            return
        self._rejected.add(file)
        cache.progress.say(f"{name}: the snapshot {file} does not load, so it is saved again: {error.message}")
        cache.discard(file, self._description)

    def _obtain(
        self, target: Path, otherwise: str, save: Callable[[Path], None], look: Callable[[Path], str | None]
    ) -> bool:
        """Save a snapshot if it does not exist; return whether it exists now. Say once what happens without it."""
        cache = self._machine.images.cache
        if not self._usable[target]:
            return False
        existed = target.exists()
        try:
            cache.obtain(target, self._description, save, needs=SNAPSHOT_NEEDS, look=look)
        except SetupError as error:
            cache.tools.check(self._description)
            cache.progress.say(f"{self._machine.name}: no snapshot can be kept, so {otherwise}: {error.message}")
            self._usable[target] = False
            return False
        if not existed:
            self._remove_old(target.parent)
        return True

    def _remove_old(self, folder: Path) -> None:
        """Remove the least recently used snapshots above the limit. Guests that were restored from one keep it open."""
        # Only a run that saves a snapshot needs it, and it takes a while to load.
        from lazymmu.provision.cache_contents import by_use, kinds

        for removal in kinds()["snapshots"].limit.over(by_use(list(folder.glob("*.snapshot")))):
            # A later run, or `lazymmu clean`, removes what cannot be removed now.
            with suppress(SetupError, OSError):
                self._machine.images.cache.discard(removal.path, "old snapshot")

    def _save_plain(self, target: Path) -> None:
        memory = target.with_name("memory")
        with memory.open("wb") as file:
            # A guest would die if the disk were full when it writes to its memory.
            os.posix_fallocate(file.fileno(), 0, self._machine.boot.memory_size)
        self._changed("booting, for a snapshot")
        with ExitStack() as stack:
            self._save(startup.boot(self._machine, self._guests, stack, Memory(memory)), memory, target)

    def _save_with_module(self, target: Path) -> None:
        """Restore a guest from the plain snapshot, load the module with its files, and save the guest again."""
        machine, memory = self._machine, target.with_name("memory")
        snapshot.copy_memory(self._plain, memory, machine.boot.memory_size)
        self._changed("loading the module, for a snapshot")
        with self._guests.start(machine.boot, Memory(memory, state=self._plain)) as guest:
            # The transport sends nothing here: keys must not get into a snapshot.
            control = startup.after_restore(machine, guest, partial(startup.send_module, machine))
            address = startup.await_module(machine, control)
            self._save(control, memory, target)
        snapshot.append_module_address(target, address)

    def _save(self, control: AgentConnection, memory: Path, target: Path) -> None:
        # The guest drops its caches, so that the snapshot is small.
        control.send("settle", b"")
        control.await_done("could not trim its memory", self._machine.deadline(startup.REPLY), BOOT_SILENCE)
        self._changed("saving a snapshot")
        snapshot.save(control.guest, memory, target)
