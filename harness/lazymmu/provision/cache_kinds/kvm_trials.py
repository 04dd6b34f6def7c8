# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit

NAME = "KVM trials"
KIND = CacheKind("whether KVM works", ("kvm/*",), Limit(20, days=30))
