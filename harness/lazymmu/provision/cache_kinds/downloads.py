# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit

NAME = "downloads"
# Nobody knows their SHA-256 before they are complete.
KIND = CacheKind("downloads that were cut off", ("downloads/*.deb",), Limit(days=7), check=None)
