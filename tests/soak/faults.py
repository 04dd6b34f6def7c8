# SPDX-License-Identifier: GPL-2.0-only
"""The faults that the soak injects, and the one outcome that each must have: a table."""

import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from lazymmu.provision import cache as entries
from lazymmu.provision import tool_root
from lazymmu.provision.checksum import SUFFIX, beside
from lazymmu.provision.progress import Progress
from msgspec import Struct, field

from tests.disks import read_only, small
from tests.guest.checkouts import Edit, at_start_of
from tests.guest.hogs import hogs

# In the agent's crc32(): true of one line of the report.
_STRUCK = 'if (memmem(data, len, " step 1 flush", 13))'
_FLASH = "description: x\nsteps: [flash]\n"

_PIECE = 1 << 16
_ZEROS = bytes(_PIECE)

Cache = Path


class Fault(Struct, frozen=True):
    """One thing that goes wrong in a run of two scenarios, of which the second makes the operation `flush`."""

    name: str
    #: Exit status that the run must have.
    status: int
    #: Regular expression for what it must say.
    says: str
    #: Mistakes in the sources.
    edits: Sequence[Edit] = ()
    #: What is wrong with the cache, or with the host, for the length of a `with`.
    around: Callable[[Cache, str], AbstractContextManager[object]] = lambda _cache, _arch: nullcontext()
    #: What the command line begins with: for the length of the run a folder is a small disk, say.
    before: Callable[[Cache], list[str]] = lambda _cache: []
    #: Signal for QEMU, or for the harness, once QEMU runs; for QEMU, when so many programs have begun.
    to_qemu: signal.Signals | None = None
    begun: int = 0
    to_harness: signal.Signals | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Text of the second scenario.
    scenario: str = "description: x\nsteps: [enable, flush, disable]\n"
    #: The most that the unit in which it came may take, in seconds (0: it does not matter).
    within: float = 0.0
    #: What the command line gets beside: what only a boot uses is not looked at by a run that restores.
    flags: tuple[str, ...] = ()
    #: A guest runs, so that there are results; a run that ends before leaves none.
    guest: bool = True

    @property
    def runs_guest(self) -> bool:
        """Return whether the unit must have a result: a run that is refused or ended by a signal has none."""
        return self.guest and self.status in (0, 1, 3)


def _flush(code: str) -> list[Edit]:
    return [at_start_of("lmm_arch_flush", code)]


def _of(cache: Cache, arch: str, kind: str) -> list[Path]:
    """Return the entries of a kind in the tool root; those of one architecture where the name tells it."""
    machine = {"arm64": "arm64", "s390x": "s390x", "x86_64": "amd64"}[arch]
    stored = (path for path in cache.glob(f"roots/*/lazymmu/{kind}/*") if path.is_file())
    found = sorted(path for path in stored if path.suffix != SUFFIX)
    return [path for path in found if machine in path.name] or found


def _damaged(kind: str, damage: Callable[[bytes], bytes]) -> Callable[[Cache, str], AbstractContextManager[object]]:
    @contextmanager
    def around(cache: Cache, arch: str) -> Iterator[None]:
        # Not below the cache, where a run drops what is old; and new files, for these are the real cache's, too.
        with tempfile.TemporaryDirectory(dir=cache.parent) as aside:
            kept = {path: Path(aside) / str(number) for number, path in enumerate(_of(cache, arch, kind))}
            digests = {beside(path): beside(path).read_bytes() for path in kept if beside(path).exists()}
            try:
                for path, original in kept.items():
                    path.rename(original)
                    _write(path, damage(original.read_bytes()))
                yield
            finally:
                for path, original in kept.items():
                    original.replace(path)
                for path, digest in digests.items():
                    path.unlink(missing_ok=True)
                    path.write_bytes(digest)

    return around


def _write(path: Path, data: bytes) -> None:
    """Write a file with holes where it is zero, as snapshots have them: by its size a run drops others."""
    with path.open("wb") as file:
        for offset in range(0, len(data), _PIECE):
            piece = data[offset : offset + _PIECE]
            if piece != _ZEROS[: len(piece)]:
                file.seek(offset)
                file.write(piece)
        file.truncate(len(data))


@contextmanager
def _lock_file_damaged(cache: Cache, _arch: str) -> Iterator[None]:
    path = cache / "kernels" / "lts.json"
    kept = path.read_bytes()
    path.unlink()
    path.write_bytes(kept[: len(kept) // 2])
    try:
        yield
    finally:
        path.write_bytes(kept)


@contextmanager
def _hogs(_cache: Cache, _arch: str) -> Iterator[None]:
    with hogs():
        yield


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _none(_: bytes) -> bytes:
    return b""


def _holed(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(4096) + data[middle + 4096 :]


def _without_state(data: bytes) -> bytes:
    """Return a snapshot as it was but for its last part, the state of the devices: less than a MB behind the memory."""
    return data[: len(data) >> 20 << 20].ljust(len(data), b"\0")


def _small_for_snapshots(cache: Cache) -> list[str]:
    root = tool_root.path(entries.Cache(cache, Progress()), "arm64")
    return small(root / "lazymmu" / "snapshots", "64m")


_BOOT = ("--fresh-boot",)
# The second scenario runs once, and the guest is killed in it.
_ONCE = ("--api", "merged")
_LONG = "description: x\nsteps: [repeat: {times: 16384, steps: [enable, flush, disable]}]\n"
_WARNS = "description: x\nsteps: [enable, flush, disable]\nkernel_warnings: allowed\n"
# What a damaged entry leads to: one that can be built is, and a boot image is named with the command that mends it.
_REBUILT = r"is damaged: .*; the {} for \w+ is made anew.*\n4 pass, 0 fail"
_AGAIN = r".*hint: rm \S+ && lazymmu setup"

# An idle host needs less than 1 s and 6 s.
DEATH = 20.0
HANG = 60.0

FAULTS = (
    # The guest
    Fault("panic", 3, "the guest died: kernel panic: on purpose", _flush('panic("on purpose");'), within=DEATH),
    Fault(
        "oops",
        3,
        "the guest died: .*(NULL pointer|pointer dereference)",
        _flush("WRITE_ONCE(*(int *)8, 1);"),
        within=DEATH,
    ),
    Fault("BUG", 3, "the guest died: .*kernel BUG at", _flush("BUG();"), within=DEATH),
    Fault("WARNING", 3, "the guest's kernel complained: WARNING in ", _flush("WARN_ON(1);"), within=DEATH),
    Fault("an expected WARNING", 0, "4 pass", _flush("WARN_ON(1);"), scenario=_WARNS),
    Fault(
        "spin with interrupts off",
        3,
        r"the guest hangs: CPU 0 (spins|runs) in .*(?:lmm|run_step).*last begun: step 1 flush",
        _flush("{ local_irq_disable(); while (READ_ONCE(run->task)) cpu_relax(); local_irq_enable(); }"),
        within=HANG,
    ),
    Fault(
        "spin",
        3,
        r"the guest hangs: CPU 0 (spins|runs) in .*last begun: step 1 flush",
        _flush("while (READ_ONCE(run->task)) cpu_relax();"),
        within=HANG,
    ),
    Fault(
        "wait for ever",
        3,
        "the guest is idle: all processors wait.*last begun: step 1 flush",
        _flush("{ DECLARE_COMPLETION_ONSTACK(never); wait_for_completion(&never); }"),
        within=HANG,
    ),
    Fault(
        "module refused",
        3,
        r"the guest's kernel refused the module \(errno 19\)",
        [at_start_of("lazymmu_init", "return -ENODEV;")],
    ),
    Fault("module not C", 3, "no_such_name", _flush("no_such_name();")),
    Fault(
        "counter off by one",
        1,
        "step 1 flush: counters",
        _flush("run->counters[LMM_CALL_FLUSH]++;"),
    ),
    Fault("slow machine", 0, "4 pass", around=_hogs),
    # QEMU
    Fault(
        "QEMU killed in a unit",
        3,
        r"QEMU exited with status",
        to_qemu=signal.SIGKILL,
        begun=2,
        scenario=_LONG,
        flags=_ONCE,
        within=DEATH,
    ),
    Fault("QEMU killed", 3, r"QEMU exited with status", to_qemu=signal.SIGKILL, flags=_BOOT),
    Fault("QEMU aborted", 3, r"QEMU exited with status", to_qemu=signal.SIGABRT, flags=_BOOT),
    Fault("QEMU crashed", 3, r"QEMU exited with status", to_qemu=signal.SIGSEGV, flags=_BOOT),
    Fault("QEMU stopped", 3, r"QEMU is stopped, by a signal or a debugger", to_qemu=signal.SIGSTOP, flags=_BOOT),
    # The line
    Fault(
        "a line of the report is missing",
        3,
        "no whole report",
        [at_start_of("count_line", "run->line += run->line == 2;")],
    ),
    Fault(
        "a line of the report stands twice",
        3,
        "no whole report",
        [at_start_of("count_line", "static bool again;\n\tif (run->line == 2 && (again = !again))\n\t\treturn;")],
    ),
    Fault(
        "a byte of the line is wrong",
        3,
        "the report is incomplete",
        [at_start_of("crc32", f"{_STRUCK}\n\t\tcrc ^= 1;")],
    ),
    Fault(
        "foreign bytes on the line",
        3,
        "the report is incomplete: a line that is neither record nor end: b'foreign",
        [at_start_of("crc32", f'{_STRUCK}\n\t\tchannel_print("foreign\\n");')],
    ),
    Fault(
        "the agent dies",
        3,
        "the guest died: .*init was killed",
        [at_start_of("crc32", f'{_STRUCK}\n\t\tdie("on purpose");')],
    ),
    Fault(
        "the agent is deaf",
        3,
        "its agent does not answer",
        [at_start_of("serve", "for (;;)\n\t\tpause();")],
    ),
    # The cache
    Fault("module cut short", 0, _REBUILT.format("module"), around=_damaged("modules", _half)),
    Fault("module with a hole", 0, _REBUILT.format("module"), around=_damaged("modules", _holed)),
    Fault("archive cut short", 0, _REBUILT.format("guest archive"), around=_damaged("archives", _half), flags=_BOOT),
    Fault("archive with a hole", 0, _REBUILT.format("guest archive"), around=_damaged("archives", _holed), flags=_BOOT),
    Fault(
        "kernel empty",
        3,
        rf"the boot image \S+ is (empty|not an ELF file){_AGAIN}",
        around=_damaged("kernels", _none),
        flags=_BOOT,
    ),
    Fault(
        "kernel cut short",
        3,
        rf"the boot image \S+ is (cut short|damaged){_AGAIN}",
        around=_damaged("kernels", _half),
        flags=_BOOT,
    ),
    Fault(
        "kernel with a hole",
        3,
        rf"the boot image \S+ is damaged{_AGAIN}",
        around=_damaged("kernels", _holed),
        flags=_BOOT,
    ),
    Fault(
        "snapshot cut short",
        0,
        r"is damaged: it has \d+ bytes and was made with \d+; the snapshot of \w+ is made anew.*\n4 pass, 0 fail",
        around=_damaged("snapshots", _half),
    ),
    Fault(
        "snapshot without its state",
        0,
        r"the snapshot \S+ does not load, so it is saved again.*\n4 pass, 0 fail",
        around=_damaged("snapshots", _without_state),
    ),
    Fault(
        "no room for a snapshot",
        0,
        r"no snapshot can be kept, so guests boot: .*\n4 pass, 0 fail",
        before=_small_for_snapshots,
    ),
    Fault("cache that cannot be written", 0, "4 pass", before=read_only),
    Fault("lock file damaged", 3, "lts.json is damaged", around=_lock_file_damaged, guest=False),
    # The host, and whoever sits before it
    Fault(
        "no sandbox",
        3,
        "no way to run programs in the tool root works here",
        environment={"PATH": "/nowhere"},
        guest=False,
    ),
    Fault("SIGINT", 130, "interrupted", to_harness=signal.SIGINT),
    Fault("SIGTERM", 130, "interrupted", to_harness=signal.SIGTERM),
    Fault("SIGKILL", -9, "", to_harness=signal.SIGKILL),
    Fault("a typing mistake", 2, r"b_flush.yaml:2:9: .*did you mean `flush`", scenario=_FLASH),
    Fault("an unknown machine", 2, "unknown architecture", environment={"SOAK_ARCH": "sparc"}),
)
