# SPDX-License-Identifier: GPL-2.0-only
"""The installed command runs guests with the user's cache, and notices when an upgrade brought another module."""

from pathlib import Path

import pytest
from lazymmu.provision.keys import default_root

from tests.disks import read_only
from tests.guest.conftest import Lazymmu
from tests.package import build, install, run


@pytest.mark.exhaustive
def test_an_installed_command_reuses_the_cache_until_an_upgrade_changes_the_module(
    lazymmu: Lazymmu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    flags = ("run", "nesting/single", "--arch", "s390x")
    assert lazymmu(*flags).returncode == 0
    venv = install(build(tmp_path / "tree"))
    # What the checkout built is all that it needs: nothing can be written into the cache or the package.
    done = run(venv, *flags, prefix=[*read_only(default_root()), *read_only(venv)])
    assert (done.returncode, "2 pass" in done.stdout) == (0, True), done.stdout + done.stderr
    (source,) = venv.glob("lib/python3*/site-packages/lazymmu/data/guest/module/main.c")
    source.write_text("#error upgraded\n")
    done = run(venv, *flags)
    assert done.returncode == 3
    assert "main.c:1:2: error: #error upgraded" in done.stdout
