# SPDX-License-Identifier: GPL-2.0-only

from lazymmu.provision.cache_kind import CacheKind

NAME = "versions"
KIND = CacheKind(
    what="locked versions of kernels and shells, and apt's last resolutions",
    patterns=("kernels/*.json", "kernels/*.resolutions", "shells/*.json"),
)
