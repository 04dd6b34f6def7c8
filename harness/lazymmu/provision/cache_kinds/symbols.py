# SPDX-License-Identifier: GPL-2.0-only

from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.cache_kind import CacheKind
from lazymmu.provision.checksum import mismatch

NAME = "symbols"
KIND = CacheKind(what="symbols of kernels", patterns=("symbols/*",), limit=Limit(entries=24, days=30), check=mismatch)
