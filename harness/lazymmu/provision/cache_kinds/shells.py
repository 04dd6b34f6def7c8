# SPDX-License-Identifier: GPL-2.0-only

from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.cache_kind import CacheKind
from lazymmu.provision.checksum import mismatch

NAME = "shells"
KIND = CacheKind(
    what="busybox for guests", patterns=("roots/*/lazymmu/shells/*",), limit=Limit(entries=6, days=30), check=mismatch
)
