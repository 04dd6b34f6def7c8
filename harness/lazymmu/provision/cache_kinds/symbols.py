# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit

NAME = "symbols"
KIND = CacheKind("symbols of kernels", ("symbols/*",), Limit(24, days=30))
