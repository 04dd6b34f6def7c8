# SPDX-License-Identifier: GPL-2.0-only
"""The hold that a command has on this user's cache while it uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lazymmu.provision import cache_lock
from lazymmu.session import requests


@contextmanager
def shared_cache() -> Iterator[None]:
    """Hold the cache, shared with other commands, so that `lazymmu clean` removes nothing of it meanwhile."""
    cache = requests.cache()
    with cache_lock.shared(cache.root, lambda: cache.progress.say("waiting for lazymmu clean")):
        yield
