# SPDX-License-Identifier: GPL-2.0-only
"""The SSH keys of this installation: one that guests' hosts prove themselves with, and one that may log in.

They are made once, in the user's own folder for state, readable by the user only, and never go into the cache, an
archive or a snapshot, which may be shared: a guest gets its host key over its serial channel when it runs.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from filelock import FileLock
from msgspec import Struct
from platformdirs import user_state_path

from lazymmu.support import disk
from lazymmu.support.errors import SetupError

_HOST, _CLIENT, _PUBLIC = "host_ed25519", "client_ed25519", ".pub"
#: The files of the folder.
FILES = (_HOST, _HOST + _PUBLIC, _CLIENT, _CLIENT + _PUBLIC)
_TYPE = b"ssh-ed25519"
_OTHERS = 0o077
_HINT = "let XDG_STATE_HOME name another folder"


def default_folder() -> Path:
    """Return the folder of this user's keys (XDG_STATE_HOME is heeded)."""
    return user_state_path("lazymmu") / "ssh"


class Keys(Struct, frozen=True):
    """A folder with both pairs of keys."""

    folder: Path

    @property
    def client(self) -> Path:
        """The private key that logs in."""
        return self.folder / _CLIENT

    def pinned(self) -> str:
        """Return the host's public key in base64, the only one that is believed. Raises SetupError."""
        return self._public(_HOST)[1]

    def authorized(self) -> str:
        """Return the line of authorized_keys for the one key that may log in. Raises SetupError."""
        return f"{' '.join(self._public(_CLIENT))}\n"

    def host_for_dropbear(self) -> bytes:
        """Return the host's private key as dropbear keeps it. Raises SetupError."""
        # Slow to load, and only for guests that are reached over SSH.
        from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        path = self.folder / _HOST
        try:
            key = form.load_ssh_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise _unusable(path, error) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise _unusable(path, "no Ed25519 key")
        halves = key.private_bytes_raw() + key.public_key().public_bytes_raw()
        # dropbear: src/ed25519.c, buf_put_ed25519_priv_key; each part behind its length.
        return b"".join(len(part).to_bytes(4, "big") + part for part in (_TYPE, halves))

    def _public(self, name: str) -> list[str]:
        path = self.folder / (name + _PUBLIC)
        try:
            words = path.read_text(encoding="ascii").split()
        except (OSError, ValueError) as error:
            raise _unusable(path, error) from error
        if len(words) < 2 or words[0] != _TYPE.decode():
            raise _unusable(path, "no public Ed25519 key")
        return words[:2]


def _unusable(path: Path, why: object) -> SetupError:
    return SetupError(f"{path} is of no use: {why}", hint=f"new keys are made without it: rm -r {path.parent}")


def wrong(folder: Path) -> str | None:
    """Return what is wrong with a folder of keys, None when nothing is; one that is not there is well. Raises OSError.

    Keys that others can read are of no use (as OpenSSH sees it, too).
    """
    if not folder.exists():
        return None
    for path in (folder, *(folder / name for name in FILES)):
        if not path.exists():
            return f"{path} is not there"
        status = path.stat()
        if status.st_uid != os.geteuid():
            return f"{path} belongs to somebody else"
        if status.st_mode & _OTHERS:
            return f"{path} can be used by others (mode {status.st_mode & 0o777:03o})"
    return None


def obtain(folder: Path) -> Keys:
    """Return the keys in a folder, made first when it is not there. Raises SetupError."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock"), mode=0o600, fallback_to_soft=False):
            if not folder.exists():
                _make(folder)
        told = wrong(folder)
    except OSError as error:
        explained = disk.refusal(error, folder.parent, hint=_HINT)
        raise explained or SetupError(f"{folder}: no keys can be kept there: {error.strerror}", hint=_HINT) from error
    if told is not None:
        raise SetupError(f"the SSH keys are of no use: {told}", hint=f"new ones are made without: rm -r {folder}")
    return Keys(folder)


def _make(folder: Path) -> None:
    """Make both pairs aside, and rename the folder when it is whole."""
    from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    for left in folder.parent.glob(f"{folder.name}.*.partial"):
        shutil.rmtree(left)
    partial_folder = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.partial")
    partial_folder.mkdir(mode=0o700)
    try:
        for name in (_HOST, _CLIENT):
            key = Ed25519PrivateKey.generate()
            private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
            public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
            _write(partial_folder / name, private)
            _write(partial_folder / (name + _PUBLIC), public + b" lazymmu\n")
        partial_folder.rename(folder)
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(partial_folder)


def _write(path: Path, data: bytes) -> None:
    # Never readable by others, not even for a moment.
    opener: Callable[[str, int], int] = partial(os.open, mode=0o600)
    with open(path, "xb", opener=opener) as file:
        file.write(data)
