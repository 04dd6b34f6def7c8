# SPDX-License-Identifier: GPL-2.0-only
"""Which architectures share a tool root, and which have their own."""

from pathlib import Path

import pytest
from lazymmu.architecture import architectures, default_names
from lazymmu.provision import tool_root
from lazymmu.provision.cache import Cache
from lazymmu.provision.progress import Progress
from msgspec.structs import replace


def test_only_the_default_architectures_share_a_tool_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = replace(architectures()["arm64"], name="fake64", default=False)
    monkeypatch.setattr(tool_root, "architectures", lambda: {**architectures(), "fake64": own})
    cache = Cache(tmp_path, Progress())
    shared = tool_root.path(cache)
    assert {tool_root.path(cache, arch) for arch in default_names()} == {shared}
    assert tool_root.path(cache, "fake64") != shared
    assert "qemu-system-s390x" not in tool_root._packages("fake64")
    assert {"make", *own.packages} < {*tool_root._packages("fake64")} < {*tool_root._packages("arm64")}
