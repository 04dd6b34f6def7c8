# SPDX-License-Identifier: GPL-2.0-only

from lazymmu.provision.cache_entries import Limit
from lazymmu.provision.cache_kind import CacheKind
from lazymmu.provision.checksum import mismatch

NAME = "KVM trials"
KIND = CacheKind(what="whether KVM works", patterns=("kvm/*",), limit=Limit(entries=20, days=30), check=mismatch)
