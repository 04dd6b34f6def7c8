# SPDX-License-Identifier: GPL-2.0-only
"""Makes the corpus's real logs anew: `python -m tests.guest.faults.collect [NAME or NAME-ARCH ...]`, by hand.

It boots one guest for each log, fifteen minutes in all, and writes what the console, or QEMU, said, unchanged. What the
logs should hold stands in the .yaml beside each: look at every difference after a renewal.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from lazymmu.architecture import architectures
from lazymmu.guests import qemu
from lazymmu.guests.accelerator import tcg
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import GuestError
from lazymmu.support.project import ROOT
from msgspec import Struct
from msgspec.structs import replace

from tests.guest import processes
from tests.guest.faults import Faulty, faulty

FOLDER = ROOT / "tests" / "fixtures" / "console"
_ALL = tuple(architectures())
# QEMU says the same of all.
_QEMU_ARCH = "x86_64"
_LAST_WORDS = 5.0
_GO_ON = "sysctl.kernel.panic_on_oops=0"
# Backtraces of other tasks are printed at the level of harmless notes.
_TALK = "sysctl.kernel.printk=8"


class Log(Struct, frozen=True):
    """One fault, or several one after the other, and what the guest needs for it."""

    name: str
    arches: tuple[str, ...] = _ALL
    faults: tuple[str, ...] = ()
    kernel_arguments: tuple[str, ...] = ()
    #: How long to listen where the guest does not die.
    seconds: float = 20.0


LOGS = (
    Log("panic", faults=("panic",)),
    Log("oops", faults=("oops",)),
    Log("goes-on", faults=("warn", "warn_plain", "warn_once", "bug", "oops", "panic"), kernel_arguments=(_GO_ON,)),
    Log("bad-address", faults=("bad_address",)),
    Log("wild-address", faults=("wild_address",)),
    Log("bug", faults=("bug",)),
    Log("refcount", faults=("refcount",), seconds=3.0),
    Log("list-corruption", faults=("list_corruption",)),
    Log("kfence", faults=("kfence",), kernel_arguments=("kfence.sample_interval=1",), seconds=10.0),
    Log("slab", faults=("slab",), kernel_arguments=("slub_debug=FZ",), seconds=3.0),
    Log("fortify", faults=("fortify",)),
    Log("usercopy", faults=("usercopy",)),
    Log("illegal", faults=("illegal",)),
    Log("oops-irqs-off", faults=("oops_irqs_off",)),
    Log("init-killed", faults=("init_killed",)),
    Log("init-oops", faults=("init_oops",), kernel_arguments=(_GO_ON,)),
    Log("no-root", kernel_arguments=("rdinit=/nothing",)),
    Log("oom", faults=("oom",), kernel_arguments=(_TALK,), seconds=40.0),
    Log("stack-overflow", faults=("stack_overflow",)),
    Log("scheduling-while-atomic", faults=("scheduling_while_atomic",), seconds=3.0),
    Log(
        "hung-task",
        faults=("hung_task",),
        kernel_arguments=("sysctl.kernel.hung_task_timeout_secs=2", _TALK),
        seconds=12.0,
    ),
    Log("rcu-stall", faults=("rcu_stall",), kernel_arguments=("rcupdate.rcu_cpu_stall_timeout=3", _TALK), seconds=10.0),
    Log(
        "rcu-expedited-stall",
        faults=("rcu_expedited_stall",),
        kernel_arguments=("rcupdate.rcu_exp_cpu_stall_timeout=1000", _TALK),
        seconds=6.0,
    ),
    Log(
        "hard-lockup",
        faults=("hard_lockup",),
        # s390x has no detector of its own, and x86_64 no events to build one on: RCU notices.
        kernel_arguments=("watchdog_thresh=1", "rcupdate.rcu_cpu_stall_timeout=4", _TALK),
        seconds=12.0,
    ),
    Log(
        "soft-lockup",
        arches=("arm64", "x86_64"),
        faults=("soft_lockup",),
        kernel_arguments=("watchdog_thresh=1", _TALK),
        seconds=6.0,
    ),
    Log(
        "soft-lockup-panic",
        arches=("arm64", "x86_64"),
        faults=("soft_lockup",),
        kernel_arguments=("watchdog_thresh=1", "softlockup_panic=1"),
    ),
    Log("stack-protector", arches=("arm64", "x86_64"), faults=("stack_protector",)),
    Log("divide", arches=("s390x", "x86_64"), faults=("divide",)),
    Log("double-fault", arches=("x86_64",), faults=("double_fault",)),
    Log("specification", arches=("s390x",), faults=("specification",)),
    Log("addressing", arches=("s390x",), faults=("addressing",)),
    Log("allocation-failure", arches=("arm64",), faults=("allocation",), seconds=3.0),
    Log("bad-page", arches=("s390x",), faults=("bad_page",), kernel_arguments=("page_poison=1",), seconds=3.0),
)


def _emulated(boot: Boot, **changes: object) -> Boot:
    return replace(boot, architecture=replace(boot.architecture, **changes), accelerator=tcg("collecting"))


#: What QEMU says itself: name -> what is wrong with the start.
QEMU_LOGS: dict[str, Callable[[Boot], Boot]] = {
    "qemu-bad-cpu": lambda boot: _emulated(boot, cpu="nosuch"),
    "qemu-bad-machine": lambda boot: _emulated(boot, machine=("-M", "nosuch")),
    "qemu-bad-device": lambda boot: _emulated(boot, channel="nosuch-serial"),
    "qemu-too-much-memory": lambda boot: _emulated(boot, memory=900_000_000),
    "qemu-no-kernel": lambda boot: replace(_emulated(boot), kernel=boot.sandbox.root / "nothing"),
    "qemu-not-there": lambda boot: _emulated(boot, qemu="qemu-system-nosuch"),
}
#: The guest itself is well, and QEMU is told to end.
TERMINATED = "qemu-terminated"


def _console(log: Log, guests: Faulty) -> str:
    if log.faults:
        return guests.console(log.faults, *log.kernel_arguments, seconds=log.seconds)
    with qemu.start(replace(guests.boot, kernel_arguments=log.kernel_arguments)) as guest:
        guest.console.wait_for_end(log.seconds)
        return guest.console.text()


def _stderr(boot: Boot) -> str:
    with qemu.start(boot) as guest:
        with suppress(GuestError):
            AgentConnection(guest).handshake(Deadline.after(_LAST_WORDS))
        return guest.stderr()


def _terminated(guests: Faulty) -> str:
    with guests.start() as (guest, _):
        os.kill(processes.qemus(os.getpid())[guest.boot.architecture.qemu], signal.SIGTERM)
        guest.console.wait_for_end(_LAST_WORDS)
        return guest.stderr()


def main(wanted: list[str]) -> None:
    """Write the logs of these names, all of them without any."""
    for arch in _ALL:
        guests = faulty(arch)
        todo = {log.name: partial(_console, log, guests) for log in LOGS if arch in log.arches}
        if arch == _QEMU_ARCH:
            todo |= {name: partial(_stderr, change(guests.boot)) for name, change in QEMU_LOGS.items()}
            todo[TERMINATED] = partial(_terminated, guests)
        for name, collect in todo.items():
            path = FOLDER / f"{name}-{arch}.log"
            if not wanted or name in wanted or path.stem in wanted:
                path.write_bytes(collect().encode())
                print(f"{path.name}: {path.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
