# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit

NAME = "servers"
KIND = CacheKind("SSH server and driver for guests", ("roots/*/lazymmu/remote/*.cpio",), Limit(12, days=30))
