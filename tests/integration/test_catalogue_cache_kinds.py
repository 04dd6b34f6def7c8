# SPDX-License-Identifier: GPL-2.0-only
"""One file in the folder of cache kinds is all that `lazymmu clean` needs to know a new one."""

import os
from pathlib import Path

from tests.guest.checkouts import checkout_with
from tests.unit import apart

BALLADS = """\
from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.cache_kind import CacheKind

NAME = "ballads"
KIND = CacheKind(what="songs", patterns=("ballads/*.txt",), limit=Limit(entries=1), check=None)
"""


def test_clean_keeps_a_new_kind_to_its_limit(home: Path) -> None:
    checkout = checkout_with({}, home / "checkout")
    kinds = checkout / "harness/lazymmu/provision/cache_kinds"
    (kinds / "ballads.py").write_text(BALLADS)
    folder = home / "cache/lazymmu/ballads"
    folder.mkdir(parents=True)
    for number, name in enumerate(("new.txt", "old.txt")):
        (folder / name).touch()
        os.utime(folder / name, (1000 - number, 1000 - number))
    done = apart.run(checkout, "clean", "--dry-run")
    assert done.stdout.startswith(f"would remove {folder}/old.txt (0.0 kB, 1 is kept)\n")
