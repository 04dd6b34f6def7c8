# SPDX-License-Identifier: GPL-2.0-only
"""Runs over SSH give the results of serial runs, guests do not collide, and errors name their cause."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import paramiko
import pytest
from lazymmu.guests import snapshot, ssh_transport
from lazymmu.guests.machine import Machine, prepare
from lazymmu.guests.qemu import Guest
from lazymmu.guests.running_guests import RunningGuests
from lazymmu.guests.ssh_transport import Keys, SshTransport
from lazymmu.support.deadline import Deadline
from msgspec.structs import replace

from tests.guest import machines
from tests.guest.checkouts import Edit, at_start_of
from tests.guest.conftest import Lazymmu
from tests.guest.test_run import FLUSH, PLAIN, outcomes, write

#: What must not depend on the transport; time and order may.
_SAME = ("scenario", "case", "arch", "api", "impl", "kernel", "release", "outcome", "reason", "observed", "predicted")
_MANY = 4


def machine(arch: str) -> Machine:
    """Return one architecture's machine as a run over SSH prepares it."""
    images = machines.images(arch)
    transport = ssh_transport.create([images], offline=False)
    return prepare(images, arch, 1.0, RunningGuests(), transport=transport)


def results(lazymmu: Lazymmu, folder: str, arch: str, api: str, transport: str) -> list[dict[str, Any]]:
    """Return the results of a folder of the library, or of all of it."""
    done, document = lazymmu.run(*folder.split(), "--arch", arch, "--transport", transport, "--api", api, "--trace")
    assert done.returncode == 0, done.stdout + done.stderr
    return [{name: result[name] for name in _SAME} for result in document["results"]]


# Every day, the README's command runs a part of the library over SSH.
@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("folder", "arch", "api"), [("tasks", "x86_64", "with-ptes"), *(("", arch, "all") for arch in machines.ARCHES)]
)
def test_the_library_gives_the_same_results_over_both_transports(
    lazymmu: Lazymmu, folder: str, arch: str, api: str
) -> None:
    over_ssh = results(lazymmu, folder, arch, api, "ssh")
    assert len(over_ssh) > (10 if folder else 100)
    assert over_ssh == results(lazymmu, folder, arch, api, "serial")


@pytest.mark.parametrize(
    "flags", [["--isolation", "scenario"], pytest.param(["--fresh-boot"], marks=pytest.mark.exhaustive)]
)
def test_a_guest_of_one_unit_and_a_guest_that_boots_are_reached(
    lazymmu: Lazymmu, tmp_path: Path, flags: list[str]
) -> None:
    folder = write(tmp_path / "given", a_plain=PLAIN, b_flush=FLUSH)
    done, document = lazymmu.run(folder, "--api", "merged", "--transport", "ssh", "--arch", "arm64", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert outcomes(document, "plain") | outcomes(document, "flush") == {("arm64", "pass")}


def signalling(number: str) -> Edit:
    """Return the edit of a module that sends the SSH server this signal when it flushes."""
    loop = f'for_each_process(p) if (!strcmp(p->comm, "dropbear")) send_sig({number}, p, 1);'
    code = f"{{ struct task_struct *p; rcu_read_lock(); {loop} rcu_read_unlock(); }}"
    return at_start_of("lmm_arch_flush", code, include="linux/sched/signal.h")


def test_a_server_that_dies_is_an_error_of_one_unit(broken: Callable[..., Lazymmu], tmp_path: Path) -> None:
    folder = write(tmp_path / "given", a_plain=PLAIN, b_flush=FLUSH, c_plain=PLAIN)
    done, document = broken(signalling("SIGKILL")).run(
        folder, "--api", "merged", "--transport", "ssh", "--arch", "arm64"
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert outcomes(document, "b_flush") == {("arm64", "error")}
    assert outcomes(document, "plain") == {("arm64", "pass")}
    assert "arm64: the SSH connection was closed" in done.stdout


# Every day, an integration test has it before the connection is complete.
@pytest.mark.exhaustive
def test_a_connection_that_stalls_is_told_from_a_guest_that_hangs(
    broken: Callable[..., Lazymmu], tmp_path: Path
) -> None:
    folder = write(tmp_path / "given", a_plain=PLAIN, b_flush=FLUSH, c_plain=PLAIN)
    done, document = broken(signalling("SIGSTOP")).run(
        folder, "--api", "merged", "--transport", "ssh", "--arch", "arm64"
    )
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
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if f"socket:[{rest[5]}]" in sockets and (state == "0A" or table.startswith("udp")):
                address, port = local.split(":")
                found.add((address, int(port, 16)))
    return found


def test_guests_at_the_same_time_have_their_own_ports_and_listen_nowhere_else() -> None:
    made = machine("arm64")
    together = threading.Barrier(_MANY)

    def one(_: int) -> int:
        with machines.ready(made) as connection:
            together.wait(120)
            port = connection.guest.forwarded_port(Deadline.after(5))
            # /proc writes 127.0.0.1 so.
            assert listening(connection.guest) == {("0100007F", port)}
            assert connection.read("/proc/sys/kernel/ostype", Deadline.after(60)) == b"Linux\n"
            together.wait(120)
            return port

    with ThreadPoolExecutor(_MANY) as pool:
        assert len(set(pool.map(one, range(_MANY)))) == _MANY


@pytest.fixture(scope="module")
def reached() -> Iterator[tuple[Machine, int]]:
    """A guest that was reached over SSH: its machine, and the port of its server."""
    made = replace(machine("s390x"), built_before=True)
    with machines.ready(made) as connection:
        yield made, connection.guest.forwarded_port(Deadline.after(5))


def test_only_the_key_of_the_run_may_log_in(reached: tuple[Machine, int]) -> None:
    _, stranger = Keys().for_paramiko()
    with closing(paramiko.Transport(("127.0.0.1", reached[1]))) as transport:
        with pytest.raises(paramiko.AuthenticationException):
            transport.connect(username="root", pkey=stranger)
        with pytest.raises(paramiko.BadAuthenticationType):
            transport.auth_password("root", "")


def test_snapshots_are_small_and_have_no_key_nor_has_the_archive(
    reached: tuple[Machine, int],
) -> None:
    made, _ = reached
    assert isinstance(made.transport, SshTransport)
    keys = made.transport.keys
    snapshots = [snapshot.path(made.boot), snapshot.path(made.boot, made.module, made.parameters)]
    # 64 MB of memory, so 2^20 bytes each.
    assert all(path.stat().st_blocks * 512 <= 64 << 20 for path in snapshots)
    contents = [path.read_bytes() for path in (made.boot.archive, *snapshots)]
    assert all(len(content) > 1_000_000 for content in contents)
    host = keys.host_for_dropbear()[-64:]
    for secret in (host[:32], host[32:], keys.authorized().split()[1].encode()):
        assert not any(secret in content for content in contents)
