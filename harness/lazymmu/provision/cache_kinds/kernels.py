# SPDX-License-Identifier: GPL-2.0-only

from lazymmu.provision.cache_kind import CacheKind
from lazymmu.provision.checksum import mismatch

NAME = "kernels"
KIND = CacheKind(
    what="boot images",
    patterns=("roots/*/lazymmu/kernels/*",),
    check=mismatch,
    unmentioned="no locked kernel version mentions it",
)
