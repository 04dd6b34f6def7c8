# SPDX-License-Identifier: GPL-2.0-only
"""The SSH line: an agent started by the guest's SSH server, reached at a port of the host's loopback address.

The guest's init gets the host key and the one key that may log in over its serial channel, after the restore, and
listens. Then the connection carries the same requests and answers as the serial line, with the same checks.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from lazymmu.guests import user_network
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.guests.ssh_keys import Keys
from lazymmu.guests.watchdog import BOOT_SILENCE, Watchdog
from lazymmu.provision import ssh_image
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.setup import Images
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import ConnectionLost, GuestError, SetupError

if TYPE_CHECKING:
    import paramiko

_USER = "root"
_CHUNK = 65_536
# How long a guest may take to show on its serial channel that it is well (seconds).
_ALIVE = 1.0
# What is quick to compute under emulation; nobody else is on this line, and the far end's key is pinned.
_DISABLED = {
    "kex": [
        *("mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com"),
        *("ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521"),
        *("diffie-hellman-group16-sha512", "diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256"),
        *("diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"),
    ],
}


class SshTransport(Struct, frozen=True):
    """Reaches guests over SSH."""

    keys: Keys
    #: Architecture and kernel's name -> archive with server and driver.
    parts: Mapping[tuple[str, str], Path]

    def fitted(self, boot: Boot, kernel: InstalledKernel) -> Boot:
        """Return the boot of a guest with a network card and a server."""
        architecture = boot.architecture
        return replace(
            boot,
            sandbox=replace(boot.sandbox, network=True),
            archive=ssh_image.archive_path(boot.sandbox, architecture, self.parts[architecture.name, kernel.name]),
            arguments=(*boot.arguments, *user_network.arguments(architecture.network)),
        )

    def ensure_bootable(self, images: Images, boot: Boot, kernel: InstalledKernel) -> None:
        """Make the archive."""
        parts = self.parts[boot.architecture.name, kernel.name]
        ssh_image.archive(images.cache, images.sandboxes[boot.architecture.name], boot.architecture, parts)

    def ahead(self, control: AgentConnection) -> None:
        """Send the keys, and load the library while the guest wakes."""
        control.send("listen", self.keys.authorized().encode() + self.keys.host_for_dropbear())
        import paramiko  # noqa: F401, PLC0415  (a quarter of a second, that other runs do not have)

    @contextmanager
    def open(self, control: AgentConnection, deadline: Deadline) -> Iterator[AgentConnection]:
        """Connect, and start an agent."""
        first = control.await_ssh_server(deadline)
        with connection(control, self.keys, deadline) as client, ExitStack() as stack:
            transport = client.get_transport()
            assert transport is not None  # noqa: S101  (it is connected)
            what = "no agent could be started over SSH"
            with _explained(control, what), _watched(control, what, transport.sock, deadline):
                channel = stack.enter_context(closing(transport.open_session(timeout=deadline.remaining())))
                channel.exec_command(f"lazymmu-agent {first}")
            line = SshConnection(control, channel, stack.enter_context(_piped(channel)))
            line.greeting(first, deadline)
            yield line


def transport(keys: Keys, images: Sequence[Images], *, offline: bool) -> SshTransport:
    """Return the transport for these kernels' guests; what it needs is fetched first. Raises SetupError."""
    keys.host_for_dropbear(), keys.pinned(), keys.authorized()
    parts = {}
    for some in images:
        found = ssh_image.obtain(some.cache, some.kernels, offline=offline)
        parts.update({(arch, some.kernels[arch].name): path for arch, path in found.items()})
    return SshTransport(keys, parts)


@contextmanager
def connection(control: AgentConnection, keys: Keys, deadline: Deadline) -> Iterator[paramiko.SSHClient]:
    """Hold an SSH connection to a guest that listens, whatever it is for. Raises GuestError.

    Its host key is the pinned one, or nothing is said to it; there are no passwords.
    """
    import paramiko  # noqa: PLC0415

    port = control.guest.forwarded_port(deadline)
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    name = f"[127.0.0.1]:{port}"
    client.get_host_keys().add(name, "ssh-ed25519", _public(keys))
    what = f"no SSH connection to 127.0.0.1, port {port}"
    with closing(client), ExitStack() as stack:
        with _explained(control, what):
            stream = socket.create_connection(("127.0.0.1", port), deadline.remaining())
        # Its thread looks only ten times a second whether it is to end, but sees at once that its stream has.
        stack.callback(_end, stream)
        # Requests are small, and each is waited for.
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with _explained(control, what), _watched(control, what, stream, deadline):
            # Who watches is sooner than any of these.
            seconds = deadline.remaining()
            client.connect(
                "127.0.0.1",
                port,
                _USER,
                pkey=paramiko.Ed25519Key.from_private_key_file(str(keys.client)),
                allow_agent=False,
                look_for_keys=False,
                sock=stream,
                timeout=seconds,
                banner_timeout=seconds,
                auth_timeout=seconds,
                channel_timeout=seconds,
                disabled_algorithms=_DISABLED,
            )
        yield client


def _end(stream: socket.socket | paramiko.Channel) -> None:
    with suppress(OSError):
        stream.shutdown(socket.SHUT_RDWR)


def _public(keys: Keys) -> paramiko.PKey:
    import base64  # noqa: PLC0415

    import paramiko  # noqa: PLC0415

    return paramiko.Ed25519Key(data=base64.b64decode(keys.pinned()))


@contextmanager
def _explained(control: AgentConnection, what: str) -> Iterator[None]:
    """Turn the library's errors into one that says what was done, and why it did not work."""
    import paramiko  # noqa: PLC0415

    guest = control.guest
    try:
        yield
    except paramiko.BadHostKeyException as error:
        raise guest.failure(
            f"{what}: the host key is wrong: {error.key.get_base64()} was shown, "
            f"{error.expected_key.get_base64()} is pinned"
        ) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        if isinstance(error, paramiko.PasswordRequiredException):
            raise SetupError(f"{what}: the client's key needs a password") from error
        raise guest.failure(f"{what}: {str(error) or type(error).__name__}") from error


@contextmanager
def _watched(
    control: AgentConnection, what: str, stream: socket.socket | paramiko.Channel, deadline: Deadline
) -> Iterator[None]:
    """End a connection that does not come about while the guest could have run, and say so.

    The library would wait by the host's clock, or for ever, and its errors do not tell that nothing came.
    """
    import paramiko  # noqa: PLC0415

    guest = control.guest
    patience = Watchdog(guest.process, deadline, scale=control.scale, silence=BOOT_SILENCE)
    done = threading.Event()
    stalls: list[str] = []

    def watch() -> None:
        while not stalls and not done.wait(patience.until_look()):
            why = patience.look()
            if why is not None:
                stalls.append(why)
                _end(stream)

    watcher = threading.Thread(target=watch, name="ssh", daemon=True)
    watcher.start()
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError) as error:
        if not stalls:
            raise
        if guest.exit_status() is None and not control.responds(_ALIVE):
            raise guest.hang(f"{what}: {stalls[0]}", agent_answers=False) from error
        stall = f"{what}: it stalls, and the guest answers without it; {stalls[0]}"
        raise guest.failure(stall, kind=ConnectionLost) from error
    finally:
        done.set()
        watcher.join()


class SshConnection(AgentConnection):
    """The line to an agent that was started over SSH; `control` is the one to the guest's init."""

    def __init__(self, control: AgentConnection, session: paramiko.Channel, channel: socket.socket) -> None:
        super().__init__(control.guest, control.scale, channel)
        self._control = control
        self._session = session

    def greeting(self, first: int, deadline: Deadline) -> None:
        """Wait for the agent's first line; `first` is the record of the log with which it begins."""
        self.expect_hello(deadline, BOOT_SILENCE)
        self._next_record = first

    def _hang(self, what: str, *, agent_answers: bool, kind: type[GuestError]) -> GuestError:
        # The guest may be well, and only the connection stands still.
        if not agent_answers and self._control.responds(_ALIVE):
            stall = f"the SSH connection stalls, and the guest answers without it; {what}"
            return self.guest.failure(stall, kind=ConnectionLost)
        return super()._hang(what, agent_answers=agent_answers, kind=kind)

    def _closed(self) -> GuestError:
        said = b""
        with suppress(OSError):
            if self._session.recv_stderr_ready():
                said = self._session.recv_stderr(_CHUNK)
        transport = self._session.get_transport()
        broken = transport.get_exception() if transport is not None else None
        why = said.decode(errors="replace").strip() or (str(broken) if broken else "")
        what = f"the SSH connection was closed{f': {why}' if why else ''}"
        error = self.guest.death(what)
        # The agent may have begun more programs since, so the console does not tell which one is the cause.
        return error if self.guest.exit_status() is not None else self.guest.failure(what, kind=ConnectionLost)


@contextmanager
def _piped(channel: paramiko.Channel) -> Iterator[socket.socket]:
    """Hold a socket whose other end is a channel: a line polls it, and its end is the channel's."""

    def receive() -> None:
        with suppress(OSError):
            while data := channel.recv(_CHUNK):
                far.sendall(data)
        with suppress(OSError):
            far.shutdown(socket.SHUT_WR)

    def send() -> None:
        with suppress(OSError):
            while data := far.recv(_CHUNK):
                channel.sendall(data)

    near, far = socket.socketpair()
    with near, far:
        threads = [threading.Thread(target=run, name="ssh", daemon=True) for run in (receive, send)]
        for thread in threads:
            thread.start()
        try:
            yield near
        finally:
            channel.close()
            # Wakes both threads.
            near.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
