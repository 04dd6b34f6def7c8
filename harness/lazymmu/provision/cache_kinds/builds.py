# SPDX-License-Identifier: GPL-2.0-only

from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.cache_kind import CacheKind

NAME = "builds"
KIND = CacheKind(
    what="objects of unchanged source files", patterns=("roots/*/lazymmu/builds/*",), limit=Limit(entries=36, days=30)
)
