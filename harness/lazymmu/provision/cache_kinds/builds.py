# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit

NAME = "builds"
KIND = CacheKind("objects of unchanged source files", ("roots/*/lazymmu/builds/*",), Limit(36, days=30))
