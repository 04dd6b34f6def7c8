# SPDX-License-Identifier: GPL-2.0-only
"""What guests that are reached over SSH need beside the rest: keys, and the server with the network driver."""

from __future__ import annotations

from collections.abc import Iterator

from lazymmu.doctor.cache_state import Question, Situation
from lazymmu.doctor.check import Check, State
from lazymmu.guests import ssh_keys
from lazymmu.provision import ssh_image
from lazymmu.provision.cache import whole
from lazymmu.support.machine_names import machine_name

_SETUP = "lazymmu setup --transport ssh"


def keys() -> Iterator[Check]:
    """Yield whether the keys can be used; only runs over SSH need them."""
    folder = ssh_keys.default_folder()
    wrong = ssh_keys.wrong(folder)
    if wrong is not None:
        yield Check("SSH keys", State.BROKEN, wrong, f"rm -r {folder}")
    elif folder.exists():
        yield Check("SSH keys", State.OK, str(folder))
    else:
        yield Check("SSH keys", State.NOTE, f"none in {folder} yet; the first run over SSH makes them", _SETUP)


def ssh(question: Question, situation: Situation) -> Iterator[Check]:
    """Yield what a run over SSH would have to fetch; no other run needs it."""
    for arch, kernel in situation.installed.items():
        if situation.root is None:
            return
        name = machine_name(arch, question.kernel.name)
        path = ssh_image.parts_path(situation.root, arch, kernel)
        if whole(path):
            yield Check(f"SSH server {name}", State.OK, path.name)
        else:
            lack = "and --offline forbids to fetch it" if question.offline else "a run over SSH fetches it"
            yield Check(f"SSH server {name}", State.NOTE, f"not in the cache, {lack}", _SETUP)
