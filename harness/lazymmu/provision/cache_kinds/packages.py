# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind

NAME = "packages"
KIND = CacheKind("Debian's packages, unpacked", ("packages/*",), unmentioned="the lock does not mention it")
