# SPDX-License-Identifier: GPL-2.0-only
"""The user's SSH keys are made once, and refused if others can use them."""

import base64
import stat
from pathlib import Path

import pytest
from lazymmu.guests import ssh_keys
from lazymmu.support.errors import SetupError


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_keys_are_made_once_and_only_the_user_can_read_them(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "ssh"
    made = ssh_keys.obtain(folder)
    first = contents(folder)
    assert set(first) == set(ssh_keys.FILES)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())]
    assert modes == [0o700, *(0o600 for _ in first)]
    assert ssh_keys.obtain(folder) == made
    assert contents(folder) == first
    assert ssh_keys.problem(folder) is None


def test_the_server_and_the_client_get_keys_in_their_own_formats(tmp_path: Path) -> None:
    keys, other = (ssh_keys.obtain(tmp_path / name) for name in ("one", "other"))
    # In both formats each part follows its length. dropbear's second part is both halves of the key.
    begin = b"\0\0\0\x0bssh-ed25519"
    server = keys.host_for_dropbear()
    assert server.startswith(begin + (64).to_bytes(4, "big"))
    assert len(server) == len(begin) + 4 + 64
    kind, public = keys.authorized().split()
    assert kind == "ssh-ed25519"
    assert base64.b64decode(public).startswith(begin)
    assert server != other.host_for_dropbear()
    assert keys.authorized() != other.authorized()


def test_the_keys_of_a_process_that_is_faster_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, rename, faster = tmp_path / "ssh", Path.rename, list[str]()

    def late(made: Path, target: Path) -> Path:
        monkeypatch.undo()
        faster.append(ssh_keys.obtain(target).authorized())
        return rename(made, target)

    monkeypatch.setattr(Path, "rename", late)
    assert [ssh_keys.obtain(folder).authorized()] == faster
    assert [path.name for path in tmp_path.iterdir()] == ["ssh"]


@pytest.mark.parametrize("name", ["", *ssh_keys.FILES])
def test_keys_that_others_can_use_are_refused_with_the_next_step(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "ssh"
    ssh_keys.obtain(folder)
    path = folder / name
    path.chmod(path.stat().st_mode | 0o040)
    with pytest.raises(SetupError, match=f"{path} can be used by others") as raised:
        ssh_keys.obtain(folder)
    assert str(raised.value.hint).endswith(f"rm -r {folder}")


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = ssh_keys.obtain(tmp_path / "ssh").client
    path.unlink()
    with pytest.raises(SetupError, match=f"{path} is missing"):
        ssh_keys.obtain(tmp_path / "ssh")


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    keys = ssh_keys.obtain(tmp_path / "ssh")
    for path, use in ((keys.host, keys.host_for_dropbear), (keys.client, keys.authorized)):
        path.write_text("something else")
        with pytest.raises(SetupError, match=f"{path} cannot be used: "):
            use()
