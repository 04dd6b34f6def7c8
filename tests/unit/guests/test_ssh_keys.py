# SPDX-License-Identifier: GPL-2.0-only
"""The keys of this installation: made once, for the user's eyes only, and refused when they are not."""

from __future__ import annotations

import base64
import stat
import threading
from pathlib import Path

import pytest
from lazymmu.guests import ssh_keys
from lazymmu.support.errors import SetupError


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_keys_are_made_once_and_only_the_user_can_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "ssh"
    made = ssh_keys.obtain(folder)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(first) == set(ssh_keys.FILES)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert modes(folder) == dict.fromkeys(ssh_keys.FILES, 0o600)
    assert ssh_keys.obtain(folder) == made
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert ssh_keys.wrong(folder) is None


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    one, other = (ssh_keys.obtain(tmp_path / name) for name in ("one", "other"))
    assert one.pinned() != other.pinned()
    assert one.authorized() != other.authorized()
    assert one.host_for_dropbear() != other.host_for_dropbear()


def test_the_host_key_for_the_server_belongs_to_the_pinned_one(tmp_path: Path) -> None:
    made = ssh_keys.obtain(tmp_path / "ssh")
    # Both formats: parts behind their lengths, the first the type. The server's second one is both halves of the key.
    public = base64.b64decode(made.pinned())
    private = made.host_for_dropbear()
    assert public[:15] == private[:15] == b"\0\0\0\x0bssh-ed25519"
    assert private[15:19] == (64).to_bytes(4, "big")
    assert len(private) == 19 + 64
    assert private[-32:] == public[-32:]


def test_those_who_come_at_the_same_time_get_the_same_keys(tmp_path: Path) -> None:
    start = threading.Barrier(6)
    found: list[str] = []

    def ask() -> None:
        start.wait()
        found.append(ssh_keys.obtain(tmp_path / "ssh").pinned())

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


@pytest.mark.parametrize("name", ["", *ssh_keys.FILES])
def test_keys_that_others_can_use_are_refused_with_the_next_step(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "ssh"
    ssh_keys.obtain(folder)
    path = folder / name
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(SetupError, match=f"{path} can be used by others") as raised:
        ssh_keys.obtain(folder)
    assert raised.value.hint == f"new ones are made without: rm -r {folder}"


@pytest.mark.parametrize("name", ssh_keys.FILES)
def test_a_key_that_is_gone_is_told(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "ssh"
    ssh_keys.obtain(folder)
    (folder / name).unlink()
    with pytest.raises(SetupError, match=f"{folder / name} is not there"):
        ssh_keys.obtain(folder)


def test_what_is_no_key_is_told(tmp_path: Path) -> None:
    made = ssh_keys.obtain(tmp_path / "ssh")
    for name in ssh_keys.FILES:
        (tmp_path / "ssh" / name).write_text("something else")
    for ask in (made.pinned, made.authorized, made.host_for_dropbear):
        with pytest.raises(SetupError, match=r"is of no use: .*"):
            ask()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "ssh.0123abcd.partial"
    left.mkdir()
    (left / "host_ed25519").write_text("half")
    ssh_keys.obtain(tmp_path / "ssh")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ssh", "ssh.lock"]
