# SPDX-License-Identifier: GPL-2.0-only
from lazymmu.provision.cache_kind import CacheKind

NAME = "locks"
# They are never removed one by one: two processes could then hold the same lock.
KIND = CacheKind("empty files, one for each entry ever made", ("locks/*.lock",), check=None)
