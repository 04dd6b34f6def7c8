# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind

NAME = "kernels"
KIND = CacheKind("boot images", ("roots/*/lazymmu/kernels/*",), unmentioned="no locked kernel version mentions it")
