# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit

NAME = "shells"
KIND = CacheKind("busybox for guests", ("roots/*/lazymmu/shells/*",), Limit(6, days=30))
