# SPDX-License-Identifier: GPL-2.0-only

from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.cache_kind import CacheKind
from lazymmu.provision.checksum import mismatch

NAME = "servers"
KIND = CacheKind(
    what="SSH server and driver for guests",
    patterns=("roots/*/lazymmu/remote/*.cpio",),
    limit=Limit(entries=12, days=30),
    check=mismatch,
)
