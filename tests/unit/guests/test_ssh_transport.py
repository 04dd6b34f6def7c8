# SPDX-License-Identifier: GPL-2.0-only
"""The server and the client get keys in their own formats, and others each time. A guest has one connection."""

import base64

from lazymmu.guests.ssh_transport import Keys, network_arguments


def test_the_server_and_the_client_get_keys_in_their_own_formats() -> None:
    keys, other = Keys(), Keys()
    # In both formats each part follows its length. dropbear's second part is both halves of the key.
    begin = b"\0\0\0\x0bssh-ed25519"
    server = keys.host_for_dropbear()
    assert server.startswith(begin + (64).to_bytes(4, "big"))
    assert len(server) == len(begin) + 4 + 64
    kind, public = keys.authorized().split()
    assert kind == "ssh-ed25519"
    assert base64.b64decode(public).startswith(begin)
    assert [key.asbytes()[-32:] for key in keys.for_paramiko()] == [server[-32:], base64.b64decode(public)[-32:]]
    assert server != other.host_for_dropbear()
    assert keys.authorized() != other.authorized()


def test_a_guest_is_connected_to_one_port_of_the_loopback_address_only() -> None:
    words = network_arguments("virtio-net-pci")
    options = words[words.index("-netdev") + 1].split(",")
    assert "restrict=on" in options
    assert [option for option in options if option.startswith("hostfwd=")] == ["hostfwd=tcp:127.0.0.1:0-:22"]
