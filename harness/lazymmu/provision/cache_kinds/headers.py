# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind

NAME = "headers"
KIND = CacheKind(
    "what modules are built with",
    ("roots/*/usr/src/linux-*", "roots/*/usr/lib/linux-kbuild-*"),
    unmentioned="no locked kernel version mentions it",
)
