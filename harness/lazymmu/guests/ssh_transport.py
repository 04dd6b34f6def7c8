# SPDX-License-Identifier: GPL-2.0-only
"""Reaches agents over SSH: an SSH server in each guest, and an SSH connection to a port of the loopback address.

After the restore the guest's init receives the host key and the one key that may log in, over the virtio-serial
channel, and starts the server. The server starts an agent, and the SSH connection carries requests and replies with the
same checks as the channel.

A run makes new keys, which are only in its memory: never in the cache, an archive or a snapshot, which may be shared.
"""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.boot import Boot
from lazymmu.guests.transports import Transport
from lazymmu.guests.watchdog import BOOT_SILENCE, Watchdog
from lazymmu.provision import ssh_image
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.setup import Images
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import ConnectionLost, GuestError

if TYPE_CHECKING:
    import paramiko
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_CHUNK = 65_536
# A guest that is well answers on its virtio-serial channel within this time (seconds).
_RESPONSE = 1.0
_KEY_TYPE = b"ssh-ed25519"


class Keys:
    """New keys: the host key of all guests, and the client key that may log in."""

    def __init__(self) -> None:
        # cryptography is slow to load.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._host, self._client = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()

    def authorized(self) -> str:
        """Return the line of authorized_keys for the client key."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return f"{self._client.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()}\n"

    def host_for_dropbear(self) -> bytes:
        """Return the host key in dropbear's own format."""
        halves = self._host.private_bytes_raw() + self._host.public_key().public_bytes_raw()
        # dropbear: src/ed25519.c, buf_put_ed25519_priv_key. Each part follows its length.
        return b"".join(len(part).to_bytes(4, "big") + part for part in (_KEY_TYPE, halves))

    def for_paramiko(self) -> tuple[paramiko.PKey, paramiko.PKey]:
        """Return the host key and the client key."""
        return _paramiko_key(self._host), _paramiko_key(self._client)


def _paramiko_key(key: Ed25519PrivateKey) -> paramiko.PKey:
    import paramiko
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return paramiko.Ed25519Key.from_private_key(io.StringIO(text))


class SshTransport(Transport):
    """Starts an agent in each guest over SSH."""

    direct = False

    def __init__(self, parts: Mapping[tuple[str, str], Path]) -> None:
        """`parts`: architecture and kernel's name -> archive with the SSH server and the network driver."""
        self.keys = Keys()
        self._parts = parts

    def adapt_boot(self, boot: Boot, kernel: InstalledKernel) -> Boot:
        """Add a network card and an SSH server."""
        architecture = boot.architecture
        return replace(
            boot,
            sandbox=replace(boot.sandbox, network=True),
            archive=ssh_image.archive_path(boot.sandbox, architecture, self._parts[architecture.name, kernel.name]),
            arguments=(*boot.arguments, *network_arguments(architecture.network)),
        )

    def ensure_bootable(self, images: Images, boot: Boot, kernel: InstalledKernel) -> None:
        """Make the guest archive with the SSH server."""
        arch = boot.architecture.name
        ssh_image.archive(images.cache, images.sandboxes[arch], boot.architecture, self._parts[arch, kernel.name])

    def send_ahead(self, control: AgentConnection) -> None:
        """Send the keys, and load paramiko while the guest is restored."""
        control.send("listen", self.keys.authorized().encode() + self.keys.host_for_dropbear())
        import paramiko  # noqa: F401  (it takes a quarter of a second)

    @contextmanager
    def connect(self, control: AgentConnection, deadline: Deadline) -> Iterator[AgentConnection]:
        """Connect to the guest's SSH server, and start an agent."""
        import paramiko

        first_record = control.await_ssh_server(deadline)
        port = control.guest.forwarded_port(deadline)
        with socket.socket() as stream, ExitStack() as stack:
            with _connecting(control, port, stream, deadline):
                stream.connect(("127.0.0.1", port))
                # Requests are small, and each waits for its reply.
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                transport = stack.enter_context(closing(paramiko.Transport(stream)))
                # paramiko's thread polls for its own end, but notices the stream's at once.
                stack.callback(_shut_down, stream)
                # The key exchange that is quickest under emulation. The watchdog is faster than the limits.
                transport.get_security_options().kex = ("curve25519-sha256@libssh.org",)
                seconds = deadline.remaining()
                transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = seconds
                host_key, client_key = self.keys.for_paramiko()
                transport.connect(hostkey=host_key, username="root", pkey=client_key)
                channel = transport.open_session(timeout=deadline.remaining())
                channel.exec_command(f"lazymmu-agent {first_record}")
            connection = SshConnection(control, stack.enter_context(_pumped(channel)))
            connection.expect_hello(first_record, deadline, BOOT_SILENCE)
            yield connection


def network_arguments(device: str) -> tuple[str, ...]:
    """Return QEMU's arguments for the network card `device`, and for a host port that leads to the guest's port 22.

    The system chooses the port, so guests never collide. QEMU listens nowhere else, and the guest reaches neither the
    host nor a network.
    """
    network = "user,id=net,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-:22"
    return ("-netdev", network, "-device", f"{device},netdev=net")


def create(images: Sequence[Images], *, offline: bool) -> SshTransport:
    """Return the transport for guests of these images, after fetching what it needs. Raises SetupError."""
    parts = {}
    for image in images:
        archives = ssh_image.obtain(image.cache, image.kernels, offline=offline)
        parts.update({(arch, image.kernels[arch].name): path for arch, path in archives.items()})
    return SshTransport(parts)


def _shut_down(stream: socket.socket) -> None:
    with suppress(OSError):
        stream.shutdown(socket.SHUT_RDWR)


@contextmanager
def _connecting(control: AgentConnection, port: int, stream: socket.socket, deadline: Deadline) -> Iterator[None]:
    """Turn paramiko's errors into GuestErrors, and shut down the stream if the connection stalls.

    paramiko itself would wait by the host's clock, or without a limit.
    """
    import paramiko

    guest, what = control.guest, f"no SSH connection to 127.0.0.1, port {port}"
    watchdog = Watchdog(guest.process, deadline, scale=control.scale, silence=BOOT_SILENCE)
    connected = threading.Event()
    stalls: list[str] = []

    def watch() -> None:
        while not stalls and not connected.wait(watchdog.until_look()):
            if (stall := watchdog.look()) is not None:
                stalls.append(stall)
                _shut_down(stream)

    watcher = threading.Thread(target=watch, name="ssh", daemon=True)
    watcher.start()
    try:
        yield
    except (paramiko.SSHException, OSError, EOFError) as error:
        if not stalls:
            raise guest.failure(f"{what}: {str(error) or type(error).__name__}") from error
        if guest.exit_status() is None and not control.responds(_RESPONSE):
            raise guest.hang(f"{what}: {stalls[0]}", agent_answers=False) from error
        stall = f"{what}: it stalls, and the guest answers without it; {stalls[0]}"
        raise guest.failure(stall, kind=ConnectionLost) from error
    finally:
        connected.set()
        watcher.join()


class SshConnection(AgentConnection):
    """The connection to an agent that was started over SSH; `control` is the connection to the guest's init."""

    def __init__(self, control: AgentConnection, channel: socket.socket) -> None:
        super().__init__(control.guest, control.scale, channel)
        self._control = control

    def _hang(self, what: str, *, agent_answers: bool, kind: type[GuestError]) -> GuestError:
        if not agent_answers and self._control.responds(_RESPONSE):
            stall = f"the SSH connection stalls, and the guest answers without it; {what}"
            return self.guest.failure(stall, kind=ConnectionLost)
        return super()._hang(what, agent_answers=agent_answers, kind=kind)

    def _closed(self) -> GuestError:
        death = self.guest.death("the SSH connection was closed")
        # The agent may have begun more programs since, so the console does not tell which one is the cause.
        alive = self.guest.exit_status() is None
        return self.guest.failure("the SSH connection was closed", kind=ConnectionLost) if alive else death


@contextmanager
def _pumped(channel: paramiko.Channel) -> Iterator[socket.socket]:
    """Hold a socket that carries the bytes of an SSH channel, which cannot be polled for writing itself."""
    near, far = socket.socketpair()

    def carry(source: socket.socket | paramiko.Channel, target: socket.socket | paramiko.Channel) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    ways = ((channel, far), (far, channel))
    threads = [threading.Thread(target=carry, args=way, name="ssh", daemon=True) for way in ways]
    with near, far:
        for thread in threads:
            thread.start()
        try:
            yield near
        finally:
            channel.close()
            _shut_down(near)
            for thread in threads:
                thread.join()
