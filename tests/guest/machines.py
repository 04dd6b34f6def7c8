# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of single guests start from: each architecture's boot and module, made by the harness itself."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from lazymmu.architecture import architectures
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.machine import Machine, prepare
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.provision import builds, catalogue, setup
from lazymmu.provision.cache import Cache
from lazymmu.provision.keys import default_root
from lazymmu.provision.progress import Progress
from lazymmu.provision.setup import Images
from lazymmu.support.deadline import Deadline

ARCHES = ("arm64", "s390x", "x86_64")


def images(arch: str, kernel: str = "lts") -> Images:
    """Return the images of one architecture, with the kernel that a run takes if none is named."""
    return setup.prepare(Cache(default_root(), Progress()), catalogue.kernel(kernel), [arch])


def machine(arch: str, kernel: str = "lts") -> Machine:
    """Return one architecture's machine as a run prepares it."""
    return prepare(images(arch, kernel), arch, 1.0, RunningGuests())


def build(arch: str, **options: Any) -> Path:
    """Build a module for one architecture's guest; the options are those of `builds.module`. Return its file."""
    made = images(arch)
    return builds.module(
        Cache(default_root(), Progress()), made.sandboxes[arch], architectures()[arch], made.kernels[arch], **options
    )


def ready(machine: Machine, changed: Callable[[str], None] = lambda _: None) -> AbstractContextManager[AgentConnection]:
    """Run a guest of a machine, restored if possible, for the length of a `with`."""
    return GuestPool(machine, RunningGuests(), changed, restore=True).ready()


def alive(line: AgentConnection) -> list[int]:
    """Return how many runs and kernel threads the module has."""
    folder = "/sys/module/lazymmu/parameters"
    return [int(line.read(f"{folder}/{name}", Deadline.after(30))) for name in ("live_runs", "live_threads")]
