# SPDX-License-Identifier: GPL-2.0-only
"""The SSH line: the results of the serial line, guests that never collide, and what goes wrong is told."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from lazymmu.guests import host_process, snapshot, ssh_keys
from lazymmu.guests.machine import Machine, prepare
from lazymmu.guests.pool import GuestPool
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.transports import ssh
from lazymmu.support.deadline import Deadline
from msgspec.structs import replace

from tests.guest import machines
from tests.guest.conftest import Lazymmu
from tests.guest.test_run import FLUSH, PLAIN, outcomes, write

_CALL = "run_call(run, LMM_CALL_FLUSH, api->flush ?: lmm_arch_flush);"
_INCLUDE = '#include "lazymmu.h"'
#: What a unit must be over either line; how long it took, and in which order it ended, may differ.
_SAME = ("scenario", "case", "arch", "api", "impl", "kernel", "release", "outcome", "reason", "observed", "predicted")
_MANY = 8


def machine(arch: str, folder: Path) -> Machine:
    """Return one architecture's machine as a run over SSH prepares it, with keys of its own."""
    images = machines.images(arch)
    transport = ssh.transport(ssh_keys.obtain(folder / "ssh"), [images], offline=False)
    return prepare(images, arch, 1.0, RunningGuests(), transport=transport)


def signalling(number: str) -> dict[str, tuple[str, str]]:
    """Return the edits of a module that sends the SSH server this signal where it should flush."""
    loop = f'for_each_process(p) if (!strcmp(p->comm, "dropbear")) send_sig({number}, p, 1);'
    deed = f"{{ struct task_struct *p; rcu_read_lock(); {loop} rcu_read_unlock(); }}"
    return {
        "guest/module/run.c": (_CALL, f"{deed}\n\t\t{_CALL}"),
        "guest/module/lazymmu.h": (
            "#include <linux/types.h>",
            "#include <linux/sched/signal.h>\n#include <linux/types.h>",
        ),
    }


def library(lazymmu: Lazymmu, folder: str, arch: str, api: str, transport: str) -> list[dict[str, Any]]:
    """Return what a folder of the library, or all of it, gives over one line."""
    done, document = lazymmu.run(*folder.split(), "--arch", arch, "--transport", transport, "--api", api, "--trace")
    assert done.returncode == 0, done.stdout + done.stderr
    return [{name: result[name] for name in _SAME} for result in document["results"]]


@pytest.mark.parametrize(
    ("folder", "arch", "api"),
    [
        # Every day the README's command runs a part of it over SSH.
        pytest.param("tasks", "x86_64", "with-ptes", marks=pytest.mark.exhaustive),
        *(pytest.param("", arch, "all", marks=pytest.mark.exhaustive) for arch in machines.ARCHES),
    ],
)
def test_the_library_gives_the_same_over_either_line(lazymmu: Lazymmu, folder: str, arch: str, api: str) -> None:
    over_ssh = library(lazymmu, folder, arch, api, "ssh")
    assert len(over_ssh) > (10 if folder else 100)
    assert over_ssh == library(lazymmu, folder, arch, api, "serial")


@pytest.mark.parametrize(
    "flags", [["--isolation", "scenario"], pytest.param(["--fresh-boot"], marks=pytest.mark.exhaustive)]
)
def test_a_guest_for_each_unit_and_one_that_boots_are_reached_too(
    lazymmu: Lazymmu, tmp_path: Path, flags: list[str]
) -> None:
    folder = write(tmp_path / "given", a_plain=PLAIN, b_flush=FLUSH)
    done, document = lazymmu.run(folder, "--api", "merged", "--transport", "ssh", "--arch", "arm64", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcomes(document, "plain") | outcomes(document, "flush") == {("arm64", "pass")}


def made_keys(tmp_path: Path) -> ssh_keys.Keys:
    """Return the keys that the command line of a test will use."""
    return ssh_keys.obtain(tmp_path / "state" / "lazymmu" / "ssh")


def test_a_wrong_host_key_is_refused(lazymmu: Lazymmu, tmp_path: Path) -> None:
    mine, other = made_keys(tmp_path), ssh_keys.obtain(tmp_path / "other")
    shown = mine.pinned()
    (mine.folder / "host_ed25519.pub").write_text((other.folder / "host_ed25519.pub").read_text())
    folder = write(tmp_path / "given", plain=PLAIN)
    done, document = lazymmu.run(folder, "--api", "merged", "--transport", "ssh", "--arch", "s390x")
    assert done.returncode == 3, done.stdout + done.stderr
    assert outcomes(document, "plain") == {("s390x", "error")}
    assert f"the host key is wrong: {shown} was shown, {other.pinned()} is pinned" in done.stdout


def test_a_key_that_may_not_log_in_is_refused(lazymmu: Lazymmu, tmp_path: Path) -> None:
    mine, other = made_keys(tmp_path), ssh_keys.obtain(tmp_path / "other")
    (mine.folder / "client_ed25519").write_bytes((other.folder / "client_ed25519").read_bytes())
    folder = write(tmp_path / "given", plain=PLAIN)
    done, document = lazymmu.run(folder, "--api", "merged", "--transport", "ssh", "--arch", "s390x")
    assert done.returncode == 3, done.stdout + done.stderr
    assert outcomes(document, "plain") == {("s390x", "error")}
    assert "Authentication failed" in done.stdout


def test_a_server_that_dies_within_a_scenario_is_an_error_and_the_rest_goes_on(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    killing = broken(signalling("SIGKILL"))
    folder = write(tmp_path / "given", a_plain=PLAIN, b_flush=FLUSH, c_plain=PLAIN)
    done, document = killing.run(folder, "--api", "merged", "--transport", "ssh", "--arch", "s390x")
    assert done.returncode == 3, done.stdout + done.stderr
    assert outcomes(document, "b_flush") == {("s390x", "error")}
    assert outcomes(document, "plain") == {("s390x", "pass")}
    assert "s390x: the SSH connection was closed" in done.stdout


# A unit test has it every day, with a connection that is none.
@pytest.mark.exhaustive
def test_a_connection_that_stalls_is_told_from_a_guest_that_hangs(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    stalling = broken(signalling("SIGSTOP"))
    folder = write(tmp_path / "given", a_plain=PLAIN, b_flush=FLUSH, c_plain=PLAIN)
    done, document = stalling.run(folder, "--api", "merged", "--transport", "ssh", "--arch", "arm64")
    assert done.returncode == 3, done.stdout + done.stderr
    assert outcomes(document, "b_flush") == {("arm64", "error")}
    assert outcomes(document, "plain") == {("arm64", "pass")}
    assert "arm64: the SSH connection stalls, and the guest answers without it; silent for " in done.stdout


def listening(guest: Guest) -> set[tuple[str, int]]:
    """Return the addresses and ports at which a guest's QEMU listens."""
    process = guest.process()
    assert process is not None
    sockets = {str(path.readlink()) for path in Path(f"/proc/{process}/fd").iterdir()}
    found = set()
    for table, words in (("tcp", 1), ("tcp6", 4), ("udp", 1), ("udp6", 4)):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if f"socket:[{rest[5]}]" in sockets and (state == "0A" or table.startswith("udp")):
                address, port = local.split(":")
                assert len(address) == words * 8
                found.add((address, int(port, 16)))
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize("arch", machines.ARCHES)
def test_a_snapshot_with_a_server_is_small(arch: str, tmp_path: Path) -> None:
    made = replace(machine(arch, tmp_path), built_before=True)
    for _ in range(2):
        with GuestPool(made, RunningGuests(), lambda _: None, restore=True).ready():
            pass
    for file in (snapshot.path(made.boot), snapshot.path(made.boot, made.module)):
        # MB as of memory, 2^20 bytes.
        assert file.stat().st_blocks * 512 <= 64 << 20


def test_guests_at_the_same_time_never_collide_and_listen_nowhere_else(tmp_path: Path) -> None:
    made = machine("arm64", tmp_path)
    together = threading.Barrier(_MANY)

    def one(_: int) -> int:
        with GuestPool(made, RunningGuests(), lambda _: None, restore=True).ready() as line:
            together.wait(120)
            port = line.guest.forwarded_port(Deadline.after(5))
            # As /proc writes 127.0.0.1.
            assert listening(line.guest) == {("0100007F", port)}
            assert line.read("/proc/sys/kernel/ostype", Deadline.after(60)) == b"Linux\n"
            together.wait(120)
            return port

    with ThreadPoolExecutor(_MANY) as pool:
        ports = list(pool.map(one, range(_MANY)))
    assert len(set(ports)) == _MANY


def test_no_key_is_in_the_archive_or_a_snapshot(tmp_path: Path) -> None:
    # A module that lasts has a snapshot of its own.
    made = replace(machine("s390x", tmp_path), built_before=True)
    own = ssh_keys.Keys(tmp_path / "ssh")
    with ExitStack() as stack:
        line = stack.enter_context(GuestPool(made, RunningGuests(), lambda _: None, restore=True).ready())
        # It is in the guest now, and the file behind its memory is still what it was.
        assert host_process.find(line.guest.process() or 0, made.boot.architecture.qemu)
        private = own.host_for_dropbear()[-64:]
        public = base64.b64decode(own.pinned())[-32:]
        loaded = snapshot.path(made.boot, made.module, made.parameters)
        for path in (made.boot.archive, snapshot.path(made.boot), loaded):
            held = path.read_bytes()
            assert len(held) > 1_000_000
            for secret in (private[:32], public, own.authorized().split()[1].encode()):
                assert secret not in held
