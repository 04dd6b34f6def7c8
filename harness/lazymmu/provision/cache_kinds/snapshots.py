# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind, Limit
from lazymmu.provision.checksum import glance

NAME = "snapshots"
# A check of every byte takes half a minute. The limit also holds whenever a run adds one, because they are large.
KIND = CacheKind(
    "guests whose agent waits, without the module and with it",
    ("roots/*/lazymmu/snapshots/*.snapshot",),
    Limit(36, size=2_200_000_000, days=30),
    check=glance,
)
