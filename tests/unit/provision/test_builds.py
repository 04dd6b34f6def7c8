# SPDX-License-Identifier: GPL-2.0-only
"""A build of the module by kbuild is announced; a module in the cache is not built."""

import shutil
from pathlib import Path

import pytest
from lazymmu.architecture import architecture
from lazymmu.provision import builds
from lazymmu.provision.cache import Cache
from lazymmu.provision.kernels import InstalledKernel
from lazymmu.provision.lock import Part
from lazymmu.provision.progress import Progress
from lazymmu.provision.sandbox import Sandbox


def test_only_a_build_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, root = tmp_path / "source", tmp_path / "roots" / "root"
    source.mkdir()
    (source / "lazymmu.c").write_text("c")
    sandbox = Sandbox("bwrap", root)
    kernel = InstalledKernel("lts", Part("", "", (), (), "6.12"), root / "image", "/headers")

    def make(*_: object) -> None:
        (build,) = (root / "lazymmu" / "builds").iterdir()
        shutil.copyfile(build / "lazymmu.c", build / "lazymmu.ko")

    monkeypatch.setattr(builds, "_run", make)
    for announced in ("lazymmu: building the module for s390x (some 5 s)\n", ""):
        made = builds.module(Cache(tmp_path, Progress()), sandbox, architecture("s390x"), kernel, source)
        assert made.read_text() == "c"
        assert capsys.readouterr().err == announced
