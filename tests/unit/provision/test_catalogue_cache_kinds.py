# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of cache kinds is all that `lazymmu clean` needs to know a new one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.guest.checkouts import checkout_with

BALLADS = """\
from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.cache_kind import CacheKind

NAME = "ballads"
KIND = CacheKind(what="songs", patterns=("ballads/*.txt",), limit=Limit(entries=1), check=None)
"""


def clean(checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(checkout / "harness")}
    command = [sys.executable, "-P", "-m", "lazymmu", "clean", "--dry-run"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_clean_keeps_a_new_kind_to_its_limit_and_names_a_broken_file(home: Path) -> None:
    checkout = checkout_with({}, home / "checkout")
    kinds = checkout / "harness/lazymmu/provision/cache_kinds"
    (kinds / "ballads.py").write_text(BALLADS)
    folder = home / "cache/lazymmu/ballads"
    folder.mkdir(parents=True)
    for number, name in enumerate(("new.txt", "old.txt")):
        (folder / name).touch()
        os.utime(folder / name, (1000 - number, 1000 - number))
    assert clean(checkout).stdout.startswith(f"would remove {folder}/old.txt (0.0 kB, 1 are kept)\n")
    (kinds / "broken.py").write_text("NAME = 'broken'\nKIND = 7\n")
    done = clean(checkout)
    assert done.returncode == 3
    assert "cache_kinds/broken.py:2: KIND of the kind of cache entry is 7" in done.stderr
