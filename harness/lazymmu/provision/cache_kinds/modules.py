# SPDX-License-Identifier: GPL-2.0-only

from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.cache_kind import CacheKind
from lazymmu.provision.checksum import mismatch

NAME = "modules"
KIND = CacheKind(
    what="builds of guest/module",
    patterns=("roots/*/lazymmu/modules/*.ko",),
    limit=Limit(entries=60, days=30),
    check=mismatch,
)
