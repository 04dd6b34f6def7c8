# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of single guests start from: each architecture's boot and module, made by the harness itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import lazymmu
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.machine import Machine, prepare
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.provision import catalogue, setup
from lazymmu.provision.cache import Cache, default_root
from lazymmu.provision.progress import Progress
from lazymmu.provision.setup import Images

ARCHES = ("arm64", "s390x", "x86_64")


def images(arch: str, kernel: str = "lts") -> Images:
    """Return the images of one architecture, with the kernel that a run takes if none is named."""
    return setup.prepare(Cache(default_root(), Progress()), catalogue.kernel(kernel), [arch])


def machine(arch: str, kernel: str = "lts") -> Machine:
    """Return one architecture's machine as a run prepares it."""
    return prepare(images(arch, kernel), arch, 1.0, RunningGuests())


@contextmanager
def loaded(arch: str) -> Iterator[tuple[Guest, AgentConnection]]:
    """Run a guest with the module loaded, for the length of a `with`."""
    with lazymmu.Guest(arch) as guest:
        yield guest.connection.guest, guest.connection
