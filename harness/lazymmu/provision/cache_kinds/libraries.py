# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit

NAME = "libraries"
KIND = CacheKind("scenarios for guests", ("roots/*/lazymmu/libraries/*.tar.gz",), Limit(6, days=30))
