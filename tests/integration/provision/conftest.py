# SPDX-License-Identifier: GPL-2.0-only
"""A mirror on loopback, and an empty cache; the environment names both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.provision.archive import Mirror, serving


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "LAZYMMU_SNAPSHOT"):
        monkeypatch.delenv(name, raising=False)
    with serving(tmp_path / "cache") as mirror:
        monkeypatch.setenv("LAZYMMU_MIRROR", mirror.address)
        monkeypatch.setenv("LAZYMMU_CACHE", str(mirror.cache.root))
        yield mirror
