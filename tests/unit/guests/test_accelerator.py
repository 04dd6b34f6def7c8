# SPDX-License-Identifier: GPL-2.0-only
"""The outcome of a trial of KVM is kept, unless the host was too busy for a trial."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from lazymmu.architecture import architectures
from lazymmu.guests import accelerator
from lazymmu.guests.boot import Accelerator, Boot
from lazymmu.guests.qemu import Guest
from lazymmu.provision.cache import Cache
from lazymmu.provision.progress import Progress
from lazymmu.provision.sandbox import Sandbox
from lazymmu.support.errors import GuestError, HostStarved


class Host:
    """A host on which `error` ends each trial of KVM; it counts the trials."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder / "cache", Progress())
        self.device = folder / "kvm"
        self.device.write_text("")
        self.error = GuestError("the guest died")
        #: Why QEMU does not start.
        self.refusal: GuestError | None = None
        self.trials = 0
        machines = [each for each in architectures().values() if each.host_machine == platform.machine()]
        if not machines:
            pytest.skip("no architecture is this host's")
        nothing = folder / "none"
        sandbox = Sandbox(name="bwrap", root=folder)
        self.boot = Boot(machines[0], sandbox, nothing, nothing, accelerator.tcg("not tried yet"))

    @contextmanager
    def _start(self, _: Boot) -> Iterator[Guest]:
        self.trials += 1
        if self.refusal:
            raise self.refusal
        yield cast("Guest", SimpleNamespace(stderr=lambda: "\n"))

    def _trial(self, _: Guest) -> None:
        raise self.error

    def choose(self) -> Accelerator:
        return accelerator.choose(self.cache, self.boot, self._start, self._trial, self.device)

    def outcomes(self) -> list[Path]:
        return [path for path in self.cache.root.glob("kvm/*") if path.suffix == ""]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_failure_is_kept(host: Host) -> None:
    for _ in range(2):
        chosen = host.choose()
        assert (chosen.name, chosen.reason) == ("tcg", f"{host.device} does not work: the guest died")
    assert host.trials == 1


def test_an_earlier_trial_is_known_without_another(host: Host) -> None:
    assert accelerator.earlier_trial(host.cache, host.boot, host.device) is None
    chosen = host.choose()
    assert accelerator.earlier_trial(host.cache, host.boot, host.device) == chosen
    assert host.trials == 1


def test_a_trial_on_a_busy_host_is_not_kept(host: Host) -> None:
    host.error = HostStarved("the host is too slow")
    for _ in range(2):
        chosen = host.choose()
        assert (chosen.name, chosen.reason) == ("tcg", f"{host.device} could not be tried: the host is too slow")
    assert host.trials == 2
    assert host.outcomes() == []
    host.error = GuestError("the guest died")
    assert host.choose().reason.endswith("does not work: the guest died")
    assert len(host.outcomes()) == 1


def test_a_qemu_that_does_not_start_says_nothing_about_kvm(host: Host) -> None:
    host.refusal = GuestError("cannot start QEMU: Resource temporarily unavailable")
    assert "could not be tried: cannot start QEMU" in host.choose().reason
    assert host.outcomes() == []
