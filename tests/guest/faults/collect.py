# SPDX-License-Identifier: GPL-2.0-only
"""Writes the real logs of the corpus again: `python -m tests.guest.faults.collect [NAME or NAME-ARCH ...]`.

It boots one guest for each log, which takes fifteen minutes in all, and writes what the console or QEMU printed. The
.yaml file beside each log says what it should contain: check every difference.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from lazymmu.architecture import architectures
from lazymmu.guests.accelerator import tcg
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError
from lazymmu.support.project import ROOT
from msgspec import Struct
from msgspec.structs import replace

from tests.guest import processes
from tests.guest.faults import Faulty, faulty

FOLDER = ROOT / "tests" / "fixtures" / "console"
_XEN = "x86_64-xen"
# Linux prints the same under Xen, and a boot takes long there.
_ALL = tuple(arch for arch in architectures() if arch != _XEN)
# QEMU's messages do not depend on the architecture.
_QEMU_ARCH = "x86_64"
_LAST_OUTPUT = 5.0
_BOOT, _LOOK = 60.0, 0.5
_NO_PANIC = "sysctl.kernel.panic_on_oops=0"
# Prints backtraces of other tasks, too, whose level is low.
_ALL_LEVELS = "sysctl.kernel.printk=8"
_WATCHDOG = "watchdog_thresh=1"


class Log(Struct, frozen=True):
    """Faults, one after the other, and what the guest needs for them."""

    name: str
    faults: tuple[str, ...] = ()
    kernel_arguments: tuple[str, ...] = ()
    arches: tuple[str, ...] = _ALL
    #: How long to wait if the guest does not die.
    seconds: float = 20.0


LOGS = (
    Log("panic", ("panic",), arches=(*_ALL, _XEN)),
    Log("oops", ("oops",), arches=(*_ALL, _XEN)),
    Log("goes-on", ("warn", "warn_plain", "warn_once", "bug", "oops", "panic"), (_NO_PANIC,)),
    Log("bad-address", ("bad_address",)),
    Log("wild-address", ("wild_address",)),
    Log("bug", ("bug",)),
    Log("refcount", ("refcount",), seconds=3.0),
    Log("list-corruption", ("list_corruption",)),
    Log("kfence", ("kfence",), ("kfence.sample_interval=1",), seconds=10.0),
    Log("slab", ("slab",), ("slub_debug=FZ",), seconds=3.0),
    Log("fortify", ("fortify",)),
    Log("usercopy", ("usercopy",)),
    Log("illegal", ("illegal",)),
    Log("oops-irqs-off", ("oops_irqs_off",)),
    Log("init-killed", ("init_killed",)),
    Log("init-oops", ("init_oops",), (_NO_PANIC,)),
    Log("no-root", (), ("rdinit=/nothing",)),
    Log("oom", ("oom",), (_ALL_LEVELS,), seconds=40.0),
    Log("stack-overflow", ("stack_overflow",)),
    Log("scheduling-while-atomic", ("scheduling_while_atomic",), seconds=3.0),
    Log("hung-task", ("hung_task",), ("sysctl.kernel.hung_task_timeout_secs=2", _ALL_LEVELS), seconds=12.0),
    Log("rcu-stall", ("rcu_stall",), ("rcupdate.rcu_cpu_stall_timeout=3", _ALL_LEVELS), seconds=10.0),
    Log(
        "rcu-expedited-stall",
        ("rcu_expedited_stall",),
        ("rcupdate.rcu_exp_cpu_stall_timeout=1000", _ALL_LEVELS),
        seconds=6.0,
    ),
    # RCU notices it: s390x has no detector of its own, and x86_64 no events for one.
    Log("hard-lockup", ("hard_lockup",), (_WATCHDOG, "rcupdate.rcu_cpu_stall_timeout=4", _ALL_LEVELS), seconds=12.0),
    Log("soft-lockup", ("soft_lockup",), (_WATCHDOG, _ALL_LEVELS), ("arm64", "x86_64"), seconds=6.0),
    Log("soft-lockup-panic", ("soft_lockup",), (_WATCHDOG, "softlockup_panic=1"), ("arm64", "x86_64")),
    Log("stack-protector", ("stack_protector",), arches=("arm64", "x86_64")),
    Log("divide", ("divide",), arches=("s390x", "x86_64")),
    Log("double-fault", ("double_fault",), arches=("x86_64", _XEN)),
    Log("specification", ("specification",), arches=("s390x",)),
    Log("addressing", ("addressing",), arches=("s390x",)),
    Log("allocation-failure", ("allocation",), arches=("arm64",), seconds=3.0),
    Log("bad-page", ("bad_page",), ("page_poison=1",), ("s390x",), seconds=3.0),
)


def _emulated(boot: Boot, **changes: Any) -> Boot:
    return replace(boot, architecture=boot.architecture._replace(**changes), accelerator=tcg("collecting"))


#: QEMU's own messages: name -> a mistake in the boot.
QEMU_LOGS: dict[str, Callable[[Boot], Boot]] = {
    "qemu-bad-cpu": lambda boot: _emulated(boot, cpu="nosuch"),
    "qemu-bad-machine": lambda boot: _emulated(boot, machine=("-M", "nosuch")),
    "qemu-bad-device": lambda boot: _emulated(boot, channel="nosuch-serial"),
    "qemu-too-much-memory": lambda boot: _emulated(boot, memory=900_000_000),
    "qemu-no-kernel": lambda boot: replace(_emulated(boot), kernel=boot.sandbox.root / "nothing"),
    "qemu-not-there": lambda boot: _emulated(boot, qemu="qemu-system-nosuch"),
}
#: A signal ends QEMU; nothing is wrong with the guest.
TERMINATED = "qemu-terminated"


#: Panics of Xen itself: name -> arguments for it. It dies of an interrupt that it must not ignore, or when it boots.
XEN_LOGS = {"xen-panic": ("nmi=fatal",), "xen-no-memory": ("dom0_mem=8M",)}
_XEN_READY = "about to get started"


def _xen_console(boot: Boot, arguments: tuple[str, ...]) -> str:
    both = (*boot.architecture.hypervisor_arguments, *arguments)
    with RunningGuests().start(_emulated(boot, hypervisor_arguments=both)) as guest:
        deadline = Deadline.after(_BOOT)
        while deadline.remaining() and _XEN_READY not in guest.console.text():
            guest.console.wait_for_end(_LOOK)
        with suppress(OSError):
            guest.monitor.execute("inject-nmi", Deadline.after(_LAST_OUTPUT))
        guest.console.wait_for_end(_BOOT)
        return guest.console.text()


def _console(log: Log, guests: Faulty) -> str:
    if log.faults:
        return guests.console(log.faults, *log.kernel_arguments, seconds=log.seconds)
    with RunningGuests().start(replace(guests.boot, kernel_arguments=log.kernel_arguments)) as guest:
        guest.console.wait_for_end(log.seconds)
        return guest.console.text()


def _stderr(boot: Boot) -> str:
    with RunningGuests().start(boot) as guest:
        with suppress(GuestError):
            AgentConnection(guest).handshake(Deadline.after(_LAST_OUTPUT))
        return guest.stderr()


def _terminated(guests: Faulty) -> str:
    with guests.start() as (guest, _):
        os.kill(processes.qemus(os.getpid())[guest.boot.architecture.qemu], signal.SIGTERM)
        guest.console.wait_for_end(_LAST_OUTPUT)
        return guest.stderr()


def main(wanted: list[str]) -> None:
    """Write the logs of these names, or all of them."""
    for arch in architectures():
        guests = faulty(arch)
        todo = {log.name: partial(_console, log, guests) for log in LOGS if arch in log.arches}
        if arch == _QEMU_ARCH:
            todo |= {name: partial(_stderr, change(guests.boot)) for name, change in QEMU_LOGS.items()}
            todo[TERMINATED] = partial(_terminated, guests)
        if arch == _XEN:
            todo |= {name: partial(_xen_console, guests.boot, arguments) for name, arguments in XEN_LOGS.items()}
        for name, collect in todo.items():
            path = FOLDER / f"{name}-{arch}.log"
            if not wanted or name in wanted or path.stem in wanted:
                path.write_bytes(collect().encode())
                print(f"{path.name}: {path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
