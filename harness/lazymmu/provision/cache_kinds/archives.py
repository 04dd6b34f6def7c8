# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit

NAME = "archives"
KIND = CacheKind("initramfs images of guests", ("roots/*/lazymmu/archives/*.cpio",), Limit(24, days=30))
