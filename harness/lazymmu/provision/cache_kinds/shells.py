# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.cache_kind import CacheKind

NAME = "shells"
KIND = CacheKind("busybox for guests", ("roots/*/lazymmu/shells/*",), Limit(6, days=30))
