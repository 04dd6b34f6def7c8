# SPDX-License-Identifier: GPL-2.0-only
"""Guests in which a case failed: saves one where it is wrong, and restores it as often as somebody wants to look.

A saved guest is a folder in the cache, below the tool root with the QEMU that can restore it: a snapshot, the module
with its addresses in that guest, the source that it was built from, and what is known of it.
"""

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Self

import msgspec
from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.guests import debug_stub, module_sections, snapshot, startup
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Accelerator, Boot, Memory
from lazymmu.guests.debug_stub import BEGUN, THREADS, DebugStub
from lazymmu.guests.machine import Machine
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.snapshot_store import SNAPSHOT_NEEDS, SnapshotStore
from lazymmu.guests.symbols import Symbols
from lazymmu.provision import sandbox
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.keys import FOLDER_HINT, digest
from lazymmu.support import disk
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestDied, GuestHung, SetupError, UsageError

# Increase it when the content or the format of a saved guest changes.
_VERSION = "5"
#: The module in the folder, and the source that it was built from.
MODULE, SOURCE = "lazymmu.ko", "source"
#: An ELF core of the guest, if somebody asked for one.
CORE = "core"
#: The kernel's name for the place where its code begins (Linux: include/asm-generic/sections.h).
BEGIN = "_stext"
_SNAPSHOT, _FACTS = "guest.snapshot", "guest.json"
# Limit until the guest is where it is to be saved, in seconds, multiplied by --timeout-scale, and more for each step.
_ARRIVAL, _PER_STEP = 120.0, 0.02
# A stopped QEMU, instead of one that ends: the guest's last state is what somebody wants to see.
_STAY = {"reboot": "shutdown", "shutdown": "pause", "panic": "pause"}
# How long QEMU needs to restore a guest, at most (seconds).
_RESTORED = 60.0
_KIND = "saved guests"
# Where a kernel that can be dumped says where it describes itself.
_VMCOREINFO = "/sys/kernel/vmcoreinfo"


class Trial(Struct, frozen=True):
    """What to run in a guest, and where to save it."""

    program: bytes
    #: The step before which the guest is saved; None if it is not one step.
    step: int | None
    #: Whether to wait for a panic or a hang. Otherwise, without a step, the guest is saved when all steps have ended.
    is_lost: bool = False
    #: The files of the module that replace those of its source, or are added.
    sources: tuple[tuple[str, bytes], ...] = ()


class Vmlinux(Struct, frozen=True):
    """The kernel with its symbols, in the folder in which the user built it. A later build replaces it."""

    path: str
    size: int
    built: int

    @classmethod
    def of(cls, kernel: InstalledKernel) -> Self | None:
        """Return the file of a kernel that the user built; None for Debian's kernels, and if the file is gone."""
        for path in (folder / "vmlinux" for folder in kernel.folders):
            if path.is_file():
                status = path.stat()
                return cls(str(path), status.st_size, status.st_mtime_ns)
        return None

    def file(self) -> Path | None:
        """Return the file; None if it is gone or of another build."""
        path = Path(self.path)
        with suppress(OSError):
            status = path.stat()
            return path if (status.st_size, status.st_mtime_ns) == (self.size, self.built) else None
        return None


class SavedGuest(Struct, frozen=True):
    """What is known of a saved guest."""

    arch: str
    label: str
    release: str
    #: Where it was saved, such as `before step 2`.
    where: str
    #: The step before which it was saved.
    step: int | None
    #: What QEMU is started with, but for the files of its boot.
    accelerator: Accelerator
    arguments: tuple[str, ...]
    command: tuple[str, ...]
    #: The number of the request that runs the program; None if the guest can do nothing any more.
    request: int | None = None
    #: The kernel with its symbols; None if there is none.
    vmlinux: Vmlinux | None = None
    #: The name by which --kernel knows it, and the version of its packages or the key of its build.
    kernel: str = ""
    version: str = ""
    #: Where its code begins; 0 if that is not known.
    begin: int = 0
    #: The physical address and the bytes of the kernel's own description of itself, as its sysfs has them.
    vmcoreinfo: str = ""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return what is known of the guest in a folder. Raises SetupError."""
        try:
            return msgspec.json.decode((folder / _FACTS).read_bytes(), type=cls)
        except FileNotFoundError:
            raise SetupError(
                f"the saved guest {folder} is gone", hint="`lazymmu run --keep-failed` saves it again"
            ) from None
        except (OSError, msgspec.DecodeError) as error:
            raise SetupError(f"the saved guest {folder} cannot be read: {error}") from error

    def boot(self, folder: Path) -> Boot:
        """Return how QEMU is started to restore it. Raises SetupError, for example if the command line has changed."""
        root = folder.parents[2]
        # The kernel and the archive are in its memory.
        boot = Boot(
            architectures()[self.arch],
            sandbox.choose(root),
            root / "kernel",
            root / "archive",
            self.accelerator,
            arguments=self.arguments,
            label=self.label,
        )
        if _command(boot, folder / _SNAPSHOT) != self.command:
            raise SetupError(
                f"the saved guest {folder} is of another lazymmu, which started QEMU with other arguments",
                hint="`lazymmu run --keep-failed` saves it again",
            )
        return boot

    @contextmanager
    def restored(self, folder: Path, guests: RunningGuests) -> Iterator[Guest]:
        """Run the guest for the length of a `with`. It is stopped where it was saved. Raises GuestError, SetupError."""
        boot, file = self.boot(folder), folder / _SNAPSHOT
        # By that time, old ones are removed.
        with suppress(OSError):
            os.utime(folder)
        with guests.start(boot, Memory(file, file, announces=True)) as guest:
            limit = Deadline.after(_RESTORED)
            try:
                while guest.monitor.wait("MIGRATION", limit)["status"] != "completed":
                    pass
                # A debugger that leaves resumes the guest, and one that has panicked would end QEMU.
                guest.monitor.execute("set-action", limit, _STAY)
            except OSError as error:
                raise guest.failure(f"QEMU did not restore the saved guest: {error}") from error
            yield guest

    @contextmanager
    def resumed(self, folder: Path, guests: RunningGuests, scale: float) -> Iterator[AgentConnection]:
        """Run the guest for the length of a `with`, after its program has ended. Raises GuestError, SetupError."""
        if self.request is None:
            raise UsageError(f"no shell can run in this guest: {self.where}", hint="`lazymmu gdb --from` enters it")
        with self.restored(folder, guests) as guest:
            connection = AgentConnection(guest, scale)
            connection.release = self.release
            connection.expect(self.request)
            limit = Deadline.after(_ARRIVAL * scale)
            try:
                guest.monitor.execute("cont", limit)
            except OSError as error:
                raise guest.failure(f"QEMU does not resume the saved guest: {error}") from error
            # What it reports is known: it is what failed.
            connection.reply(limit)
            yield connection

    def core(self, folder: Path, cache: Cache, guests: RunningGuests, limit: Deadline) -> Path:
        """Return an ELF core of the guest in its folder, written first if there is none.

        Raises GuestError, and SetupError if the disk has no space for it.
        """
        core, partial = folder / CORE, folder / f"{CORE}.partial"
        # A copy without its empty pages takes the place of the first one.
        needs = 2 * self.boot(folder).memory_size
        with cache.locked(folder, f"core of {folder}"), disk.explained(folder, hint=FOLDER_HINT, needs=needs):
            if core.is_file():
                return core
            if disk.free(folder) < needs:
                raise disk.full(folder, hint=FOLDER_HINT, needs=needs)
            try:
                with self.restored(folder, guests) as guest, TemporaryFile(dir=folder) as file:
                    _dump(guest, file, limit)
                    snapshot.copy_without_zeros(file, partial)
                partial.rename(core)
            finally:
                partial.unlink(missing_ok=True)
        remove_old(cache)
        return core


def _dump(guest: Guest, file: IO[bytes], limit: Deadline) -> None:
    """Let QEMU write a core into an open file. Raises OSError for a full disk, GuestError for other failures."""
    try:
        guest.monitor.send_file("core", file, limit)
        guest.monitor.execute("dump-guest-memory", limit, {"paging": False, "protocol": "fd:core"})
    except OSError as error:
        if any(text in str(error) for text in disk.FULL_TEXTS):
            raise OSError(errno.ENOSPC, str(error)) from error
        raise guest.failure(f"QEMU wrote no core: {error}") from error


def _command(boot: Boot, file: Path) -> tuple[str, ...]:
    """Return QEMU's command line to restore a guest, without the file's own name."""
    words = boot.command(dict.fromkeys(("console", "channel", "monitor"), 0), Memory(file, file))
    return tuple(word.replace(boot.sandbox.inside(file), _SNAPSHOT) for word in words)


def save(machine: Machine, snapshots: SnapshotStore, guests: RunningGuests, trial: Trial, source: Path) -> Path:
    """Run a program in a guest of its own, and save the guest where the trial says. Returns the folder.

    `source` is the folder with the module's source. Raises GuestError, SetupError, and UsageError if the guest did not
    come there.
    """
    cache, root = machine.images.cache, machine.boot.sandbox.root
    key = digest(
        [_VERSION, snapshot.path(machine.boot, machine.module, machine.parameters).name, trial.program, repr(trial)]
    )
    target = root / "lazymmu" / "saved" / key
    what = f"saved guest of {machine.name}"

    def build(made: Path) -> None:
        made.mkdir()
        shutil.copytree(source, made / SOURCE)
        for name, content in trial.sources:
            (made / SOURCE / name).parent.mkdir(parents=True, exist_ok=True)
            (made / SOURCE / name).write_bytes(content)
        _save(machine, snapshots, guests, trial, made)

    cache.obtain(target, what, build, needs=SNAPSHOT_NEEDS)
    remove_old(cache)
    return target


def remove_old(cache: Cache) -> None:
    """Remove the least recently used ones above the limit. Guests that were restored from one keep it open."""
    from lazymmu.provision.cache_contents import by_use, kinds, remove_entry

    kind = kinds()[_KIND]
    folders = [path for pattern in kind.patterns for path in cache.root.glob(pattern) if path.suffix != ".partial"]
    for removal in kind.limit.over(by_use(folders)):
        with suppress(SetupError, OSError), cache.locked(removal.path, "old saved guest"):
            remove_entry(removal.path)


def _save(machine: Machine, snapshots: SnapshotStore, guests: RunningGuests, trial: Trial, made: Path) -> None:
    file, memory = snapshots.take(), made.with_name("memory")
    if file is None:
        raise SetupError(f"{machine.name}: no guest can be saved, because none is restored from a snapshot")
    snapshot.copy_memory(file, memory, machine.boot.memory_size)
    has_module = file == snapshots.with_module
    with guests.start(machine.boot, Memory(memory, state=file)) as guest:
        send = _nothing if has_module else partial(startup.send_module, machine)
        control = startup.after_restore(machine, guest, send)
        if not has_module:
            startup.await_module(machine, control)
        addresses = dict(module_sections.addresses(control, machine.module, machine.deadline(startup.REPLY)))
        module = module_sections.located(machine.module, addresses)
        (made / MODULE).write_bytes(module)
        described = _description(control, machine.deadline(startup.REPLY))
        kernel = guest.symbols
        guest.symbols = lambda: kernel() + Symbols.of_module(machine.module, addresses[".text"])
        try:
            request = None
            if trial.is_lost:
                where = _lost(control, machine, trial)
            else:
                where, request = _arrived(control, machine, trial, module)
        except OSError as error:
            raise guest.failure(f"QEMU's monitor or stub failed: {error}") from error
        snapshot.save(guest, memory, made / _SNAPSHOT)
    boot = machine.boot
    facts = SavedGuest(
        arch=boot.architecture.name,
        label=boot.label,
        release=control.release,
        where=where,
        step=trial.step,
        accelerator=boot.accelerator,
        arguments=boot.arguments,
        command=_command(boot, made / _SNAPSHOT),
        request=request,
        vmlinux=Vmlinux.of(machine.kernel),
        kernel=machine.kernel.name,
        version=machine.kernel.version,
        begin=kernel().address(BEGIN),
        vmcoreinfo=described,
    )
    (made / _FACTS).write_bytes(msgspec.json.encode(facts))


def _description(control: AgentConnection, limit: Deadline) -> str:
    control.send("read", _VMCOREINFO.encode())
    reply = control.reply(limit)
    return "" if reply.status else (reply.content or b"").decode("ascii", errors="replace").strip()


def _nothing(_: AgentConnection) -> None:
    """Send nothing."""


def _arrived(control: AgentConnection, machine: Machine, trial: Trial, module: bytes) -> tuple[str, int]:
    """Run the program until the guest is where it is to be saved. Returns where that is, and the request's number.

    Raises OSError, UsageError.
    """
    limit = machine.deadline(_ARRIVAL + _PER_STEP * (trial.step or 0))
    variables = module_sections.variables(module, (BEGUN, THREADS))
    near, far = socket.socketpair()
    with near:
        with far:
            debug_stub.start(control.guest.monitor, far, limit, listens=False)
        request = control.send("run", trial.program)
        stub = DebugStub(near, little_endian=module_sections.is_little_endian(module))
        reached = stub.run_to(trial.step, variables, limit)
    if not reached:
        raise UsageError(f"it never reached step {trial.step} this time")
    return "at its end" if trial.step is None else f"before step {trial.step}", request


def _lost(control: AgentConnection, machine: Machine, trial: Trial) -> str:
    """Run the program until the guest panics or hangs. Returns what it did. Raises OSError, UsageError."""
    limit = machine.deadline(_ARRIVAL)
    control.guest.monitor.execute("set-action", limit, _STAY)
    control.keeps_dead = True
    control.send("run", trial.program)
    try:
        control.reply(limit)
    except GuestDied:
        raise
    except GuestHung as error:
        # It is stopped now, by a panic or by the diagnosis of the hang.
        return error.message.removeprefix(f"{control.guest.name}: ")
    raise UsageError("neither a panic nor a hang came this time")
