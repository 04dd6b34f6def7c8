# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit

NAME = "modules"
KIND = CacheKind("builds of guest/module", ("roots/*/lazymmu/modules/*.ko",), Limit(60, days=30))
