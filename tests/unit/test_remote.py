# SPDX-License-Identifier: GPL-2.0-only
"""What SSH needs beside the rest: said by the doctor, refused offline, and looked for in packages as apt names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import SetupError
from harness.doctor import remote as doctor
from harness.doctor.check import Check, State
from harness.doctor.situation import Question, Situation
from harness.images import remote
from harness.images.cache import Cache
from harness.images.catalogue import kernel
from harness.images.kernels import InstalledKernel, Release
from harness.images.progress import Progress
from harness.transport import keys


def installed(root: Path) -> dict[str, InstalledKernel]:
    release = Release("6.12.1-arm64", "6.12.1-1", ("linux-image-6.12.1-arm64:arm64=6.12.1-1",))
    return {"arm64": InstalledKernel("lts", release, root / "image", "/headers")}


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", Progress())


def test_offline_names_what_is_missing_and_the_command(cache: Cache, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"for guests \(arm64\) is not in the cache, and --offline forbids") as raised:
        remote.obtain(cache, tmp_path, installed(tmp_path), offline=True)
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("lazymmu setup --transport ssh")


def test_what_is_there_is_not_fetched(cache: Cache) -> None:
    root = cache.root / "roots" / "one"
    path = remote.parts_path(root, "arm64", installed(root)["arm64"])

    def build(target: Path) -> None:
        target.write_bytes(b"whole")

    cache.obtain(path, "server", build)
    assert remote.obtain(cache, root, installed(root), offline=True) == {"arm64": path}


def checks(cache: Cache, root: Path) -> dict[str, Check]:
    situation = Situation(root=root, root_there=True, installed=installed(root))
    found = doctor.ssh(Question(cache, kernel("lts"), offline=False), situation)
    return {check.name: check for check in (*doctor.ssh_keys(), *found)}


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
    folder = keys.default_folder()
    assert not folder.exists()
    keys.obtain(folder)
    assert checks(cache, tmp_path)["SSH keys"].state is State.OK
    (folder / "client_ed25519").chmod(0o644)
    broken = checks(cache, tmp_path)["SSH keys"]
    assert (broken.state, broken.next, broken.blocks) == (State.BROKEN, f"rm -r {folder}", False)
    assert "client_ed25519 can be used by others (mode 644)" in broken.found
