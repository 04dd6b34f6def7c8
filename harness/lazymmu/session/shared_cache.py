# SPDX-License-Identifier: GPL-2.0-only
"""Protects this user's cache from `lazymmu clean` while a command uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lazymmu.provision import cache_lock
from lazymmu.session import requests


@contextmanager
def shared_cache() -> Iterator[None]:
    """Hold the cache for the length of a `with`, shared with other commands but not with `lazymmu clean`."""
    cache = requests.cache()
    with cache_lock.shared(cache.root, lambda: cache.progress.say("waiting for lazymmu clean")):
        yield
