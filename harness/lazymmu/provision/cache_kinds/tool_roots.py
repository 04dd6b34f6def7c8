# SPDX-License-Identifier: GPL-2.0-only

from lazymmu.provision.cache_kind import CacheKind

NAME = "tool roots"
KIND = CacheKind(
    what="compilers and QEMU", patterns=("roots/*",), unmentioned="its packages are not those that guests use now"
)
