# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind

NAME = "versions"
KIND = CacheKind(
    "versions that were resolved live, and what apt last said", ("lock/*/*/*.json", "kernels/*.resolutions"), check=None
)
