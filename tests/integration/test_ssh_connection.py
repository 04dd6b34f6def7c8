# SPDX-License-Identifier: GPL-2.0-only
"""Connecting to a real SSH server that shows a wrong key, or stalls at any step while the guest is well or hangs."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import paramiko
import pytest
from lazymmu.guests.ssh_transport import Keys, SshTransport
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import ConnectionLost, GuestError, GuestHung
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from tests.unit.guests.peer import Peer, reply

#: The last thing that the server does before it stalls.
STEPS = ("accepts", "sends its banner", "opens a session")
# Half a second of silence instead of ten.
_SCALE = 0.05


class Server(paramiko.ServerInterface):
    """Answers until it opens a session; then sets `stalled` and waits for `over`."""

    def __init__(self, stalled: threading.Event, over: threading.Event) -> None:
        self._stalled = stalled
        self._over = over

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._stalled.set()
        self._over.wait()
        return True


@contextmanager
def serving(last: str, keys: Keys, stalled: threading.Event) -> Iterator[int]:
    """Serve one connection; yield the port."""
    over = threading.Event()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def serve() -> None:
            stream, _ = listener.accept()
            with stream:
                if last in STEPS[:2]:
                    stream.sendall(b"" if last == STEPS[0] else b"SSH-2.0-test\r\n")
                    stalled.set()
                    over.wait()
                    return
                transport = paramiko.Transport(stream)
                transport.add_server_key(keys.for_paramiko()[0])
                transport.start_server(event=threading.Event(), server=Server(stalled, over))
                over.wait()
                transport.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        stack.callback(thread.join, 10.0)
        stack.callback(over.set)
        yield listener.getsockname()[1]


def error_of_connecting(peer: Peer, transport: SshTransport, port: int) -> GuestError:
    """Connect to a port as a run does; return the error."""
    peer.forwarded_port = lambda _: port  # type: ignore[attr-defined]
    control = peer.connection(_SCALE)
    transport.send_ahead(control)
    peer.says(reply(b"lazymmu-agent: listens on port 22"))
    with pytest.raises(GuestError) as raised, transport.connect(control, Deadline.after(30.0)):
        pass
    return raised.value


@pytest.mark.parametrize(("last", "alive"), [*((step, True) for step in STEPS), (STEPS[0], False)])
def test_a_connection_that_stalls_is_told_from_a_guest_that_hangs(peer: Peer, last: str, alive: bool) -> None:
    transport = SshTransport({})
    stalled = threading.Event()

    def init() -> None:
        stalled.wait()
        if alive:
            peer.says(b"k")

    answering = threading.Thread(target=init)
    answering.start()
    begin = time.monotonic()
    with serving(last, transport.keys, stalled) as port:
        error = error_of_connecting(peer, transport, port)
    answering.join()
    assert time.monotonic() - begin < 10.0
    assert isinstance(error, ConnectionLost if alive else GuestHung)
    assert ("it stalls, and the guest answers without it; silent for 0.5 s" in error.message) == alive


def test_a_server_with_another_host_key_is_refused(peer: Peer) -> None:
    with serving("", Keys(), threading.Event()) as port:
        error = error_of_connecting(peer, SshTransport({}), port)
    assert error.message == f"arm64: no SSH connection to 127.0.0.1, port {port}: Bad host key from server"
