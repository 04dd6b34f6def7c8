# SPDX-License-Identifier: GPL-2.0-only
"""Commands that use the cache hold its shared lock, so that `clean` removes nothing under them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import wraps

from lazymmu.provision import cache_lock
from lazymmu.session import requests

Command = Callable[[Namespace], int]


def sharing(command: Command) -> Command:
    """Return the command, run while it holds the cache's shared lock."""

    @wraps(command)
    def held(arguments: Namespace) -> int:
        cache = requests.cache()
        with cache_lock.shared(cache.root, lambda: cache.progress.say("waiting for lazymmu clean")):
            return command(arguments)

    return held
