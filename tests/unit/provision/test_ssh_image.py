# SPDX-License-Identifier: GPL-2.0-only
"""What SSH needs beside the rest: said by the doctor, refused offline, and looked for in packages as apt names them."""

from __future__ import annotations

from pathlib import Path

import pytest
from lazymmu.doctor import images
from lazymmu.doctor.cache_state import CacheState
from lazymmu.doctor.check import Check, State
from lazymmu.guests import ssh_keys
from lazymmu.provision import ssh_image, tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.catalogue import kernel
from lazymmu.provision.kernels import InstalledKernel, Release
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import SetupError


def installed(root: Path) -> dict[str, InstalledKernel]:
    release = Release("6.12.1-arm64", "6.12.1-1", ("linux-image-6.12.1-arm64:arm64=6.12.1-1",))
    return {"arm64": InstalledKernel("lts", release, root / "image", "/headers")}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", Progress())


def test_offline_names_what_is_missing_and_the_command(cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"for guests \(arm64\) is not in the cache, and --offline forbids") as raised:
        ssh_image.obtain(cache, installed(tmp_path), offline=True)
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("lazymmu setup --transport ssh")


def test_what_is_there_is_not_fetched(cache: Cache) -> None:
    root = tool_root.path(cache)
    path = ssh_image.parts_path(root, "arm64", installed(root)["arm64"])

    def build(target: Path) -> None:
        target.write_bytes(b"whole")

    cache.obtain(path, "server", build)
    assert ssh_image.obtain(cache, installed(root), offline=True) == {"arm64": path}


def checks(cache: Cache, root: Path) -> dict[str, Check]:
    state = CacheState(cache, kernel("lts"), offline=False, root=root, root_present=True, installed=installed(root))
    found = (*images.ssh_key_files(), *images.builds(state))
    return {check.name: check for check in found if check.name.startswith("SSH")}


def test_the_doctor_says_what_ssh_lacks_and_blocks_no_run(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    told = checks(cache, tmp_path)
    assert {name: check.state for name, check in told.items()} == {
        "SSH keys": State.NOTE,
        "SSH server arm64": State.NOTE,
    }
    assert {check.next for check in told.values()} == {"lazymmu setup --transport ssh"}
    folder = ssh_keys.default_folder()
    assert not folder.exists()
    ssh_keys.obtain(folder)
    assert checks(cache, tmp_path)["SSH keys"].state is State.OK
    (folder / "client_ed25519").chmod(0o644)
    broken = checks(cache, tmp_path)["SSH keys"]
    assert (broken.state, broken.next, broken.blocks) == (State.BROKEN, f"rm -r {folder}", False)
    assert "client_ed25519 can be used by others (mode 644)" in broken.found
