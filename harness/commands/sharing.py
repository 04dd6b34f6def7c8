# SPDX-License-Identifier: GPL-2.0-only
"""Commands that use the cache hold its shared lock, so that `clean` removes nothing under them."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from functools import wraps

from harness.commands import common
from harness.images import inuse

Command = Callable[[Namespace], int]


def sharing(command: Command) -> Command:
    """Return the command, run while it holds the cache's shared lock."""

    @wraps(command)
    def held(arguments: Namespace) -> int:
        cache = common.cache()
        with inuse.shared(cache.root, lambda: cache.progress.say("waiting for lazymmu clean")):
            return command(arguments)

    return held
