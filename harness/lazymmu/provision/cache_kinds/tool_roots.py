# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind

NAME = "tool roots"
KIND = CacheKind("compilers and QEMU", ("roots/*",), unmentioned="its packages are not those that guests use now")
