# SPDX-License-Identifier: GPL-2.0-only
"""An SSH connection that stalls before it is there: noticed at every step, named, and told from a guest that hangs."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import paramiko
import pytest
from lazymmu.guests import ssh_keys
from lazymmu.guests.agent_connection import AgentConnection
from lazymmu.guests.channel_log import ChannelLog
from lazymmu.guests.qemu import Guest
from lazymmu.guests.transports.ssh import SshTransport
from lazymmu.support.deadline import Deadline
from lazymmu.support.errors import ConnectionLost, GuestError, GuestHung
from paramiko.common import AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from tests.unit.guests.test_agent import answer

#: How far the server goes before it says no more.
STEPS = ("accepted", "named itself", "exchanged keys", "let us in", "opened a session")
# Silence of half a second, where a real guest has ten.
_SCALE = 0.05


class Stand:
    """Stands in for a guest with the port of a server, and an init that answers, or does not."""

    name = "arm64"
    console = SimpleNamespace(received=0)

    def __init__(self, channel: socket.socket, port: int) -> None:
        self.channel = channel
        self.channel_log = ChannelLog(None)
        self._port = port

    def forwarded_port(self, _: Deadline) -> int:
        return self._port

    def process(self) -> int:
        return os.getpid()

    def exit_status(self) -> int | None:
        return None

    def failure(self, what: str, *, kind: type[GuestError] = GuestError) -> GuestError:
        return kind(f"{self.name}: {what}")

    def hang(self, what: str, *, agent_answers: bool, kind: type[GuestError] = GuestHung) -> GuestError:
        return kind(f"{self.name} hangs: {what}, agent {agent_answers}")


class Server(paramiko.ServerInterface):
    """A real SSH server that comes as far as `last`, and then waits for `over`; `stall` is called before."""

    def __init__(self, last: str, over: threading.Event, stall: threading.Event) -> None:
        self._last = last
        self._over = over
        self._stall = stall

    def _reach(self, step: str) -> None:
        if step == self._last:
            self._stall.set()
            self._over.wait()

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self._reach("exchanged keys")
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._reach("let us in")
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._reach("opened a session")
        return True


@contextmanager
def serving(last: str, host_key: Path, stall: threading.Event) -> Iterator[int]:
    """Serve one connection; yield the port."""
    over = threading.Event()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def serve() -> None:
            stream, _ = listener.accept()
            with stream:
                if last in STEPS[:2]:
                    stream.sendall(b"" if last == STEPS[0] else b"SSH-2.0-test\r\n")
                    stall.set()
                    over.wait()
                    return
                transport = paramiko.Transport(stream)
                transport.add_server_key(paramiko.Ed25519Key.from_private_key_file(str(host_key)))
                transport.start_server(server=Server(last, over, stall))
                over.wait()
                transport.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        stack.callback(thread.join, 10.0)
        stack.callback(over.set)
        yield listener.getsockname()[1]


@pytest.mark.parametrize(("last", "alive"), [*((step, True) for step in STEPS), (STEPS[0], False)])
def test_a_connection_that_stalls_before_it_is_there(tmp_path: Path, last: str, alive: bool) -> None:
    own = ssh_keys.obtain(tmp_path / "ssh")
    stall = threading.Event()
    near, far = socket.socketpair()
    with near, far, serving(last, tmp_path / "ssh" / "host_ed25519", stall) as port:
        control = AgentConnection(cast("Guest", Stand(near, port)), _SCALE)
        transport = SshTransport(own, {})
        transport.ahead(control)
        far.sendall(answer(b"lazymmu-agent: listens on port 22"))

        def init() -> None:
            stall.wait()
            far.sendall(b"k")

        answering = threading.Thread(target=init if alive else stall.wait)
        answering.start()
        begin = time.monotonic()
        with pytest.raises(GuestError) as raised, transport.open(control, Deadline.after(30.0)):
            pass
        answering.join()
        assert time.monotonic() - begin < 10.0
    if alive:
        assert "it stalls, and the guest answers without it; silent for 0.5 s" in raised.value.message
    else:
        assert raised.value.message.startswith("arm64 hangs: no ")
    assert isinstance(raised.value, ConnectionLost) == alive
