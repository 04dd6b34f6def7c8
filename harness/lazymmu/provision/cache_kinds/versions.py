# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind

NAME = "versions"
KIND = CacheKind(
    "locked versions of kernels, and what apt last said", ("kernels/*.json", "kernels/*.resolutions"), check=None
)
