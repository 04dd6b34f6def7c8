# SPDX-License-Identifier: GPL-2.0-only
"""The user's SSH keys: the host key of all guests, and the client key that may log in.

They are made once, in the user's state folder, and only the user can read them. They are never in the cache, an archive
or a snapshot, which may be shared: a guest receives its host key over its virtio-serial channel.
"""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from platformdirs import user_state_path

from lazymmu.support import disk
from lazymmu.support.errors import SetupError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: The private keys in the folder: of the guests, and of the user.
FILES = ("host_ed25519", "client_ed25519")
_TYPE = b"ssh-ed25519"
_OTHER_USERS = 0o077
_HINT = "let XDG_STATE_HOME name another folder"
_REMEDY = "remove the folder, and new keys will be made: rm -r {}"


def default_folder() -> Path:
    """Return the folder of this user's keys, by XDG_STATE_HOME."""
    return user_state_path("lazymmu") / "ssh"


class Keys(Struct, frozen=True):
    """The files of both keys."""

    host: Path
    client: Path

    def authorized(self) -> str:
        """Return the line of authorized_keys for the client key. Raises SetupError."""
        # cryptography is slow to load.
        from cryptography.hazmat.primitives import serialization as form

        public = _load(self.client).public_key()
        return f"{public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()}\n"

    def host_for_dropbear(self) -> bytes:
        """Return the host key in dropbear's own format. Raises SetupError."""
        key = _load(self.host)
        halves = key.private_bytes_raw() + key.public_key().public_bytes_raw()
        # dropbear: src/ed25519.c, buf_put_ed25519_priv_key. Each part follows its length.
        return b"".join(len(part).to_bytes(4, "big") + part for part in (_TYPE, halves))


def _load(path: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = form.load_ssh_private_key(path.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("it is not an Ed25519 key")
    except (OSError, ValueError) as error:
        raise SetupError(f"the SSH key {path} cannot be used: {error}", hint=_REMEDY.format(path.parent)) from error
    return key


def problem(folder: Path) -> str | None:
    """Return why the keys in a folder cannot be used, None if they can or there is no folder. Raises OSError.

    Like OpenSSH, refuse keys that others can read.
    """
    if not folder.exists():
        return None
    for path in (folder, *(folder / name for name in FILES)):
        if not path.exists():
            return f"{path} is missing"
        status = path.stat()
        if status.st_uid != os.geteuid():
            return f"{path} belongs to another user"
        if status.st_mode & _OTHER_USERS:
            return f"{path} can be used by others (mode {status.st_mode & 0o777:03o})"
    return None


def obtain(folder: Path) -> Keys:
    """Return the keys in a folder, after making them if there is no folder. Raises SetupError."""
    try:
        if not folder.exists():
            _make(folder)
        reason = problem(folder)
    except OSError as error:
        full = disk.refusal(error, folder.parent, hint=_HINT)
        raise full or SetupError(f"{folder}: no keys can be kept there: {error.strerror}", hint=_HINT) from error
    if reason is not None:
        raise SetupError(f"the SSH keys cannot be used: {reason}", hint=_REMEDY.format(folder))
    return Keys(*(folder / name for name in FILES))


def _make(folder: Path) -> None:
    """Make both keys in a temporary folder, and rename it, unless another process is faster."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.", dir=folder.parent) as temporary:
        # Other users may enter neither folder, so they cannot read a key before its mode is set.
        made = Path(temporary) / folder.name
        made.mkdir(mode=0o700)
        for name in FILES:
            private = Ed25519PrivateKey.generate()
            path = made / name
            path.write_bytes(private.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()))
            path.chmod(0o600)
        try:
            made.rename(folder)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
