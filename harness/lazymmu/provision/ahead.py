# SPDX-License-Identifier: GPL-2.0-only
"""Fetches what a command will need, while the launcher makes the environment that the command runs in.

It may end at any moment, and ends silently if anything goes wrong: the command itself finds less in the cache and
reports why. Only the standard library is used here (see lock.py).
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from threading import Event

from lazymmu.architecture import DEFAULT_KERNEL, architectures, chosen, default_names
from lazymmu.provision import keys, lock
from lazymmu.provision.packages import Fetching
from lazymmu.provision.progress import Progress
from lazymmu.support.errors import LazymmuError

# The tiers of tests that boot no guests.
_WITHOUT_GUESTS = ("unit", "integration")
# With these, a command fetches nothing, or not what the lock says now, or what its words do not say.
_OTHERWISE = {"--offline", "--help", "-h", "--import", "--reset", "--resume", "--update"}


def _values(words: Sequence[str], flag: str) -> Iterator[str]:
    """Yield the values of a flag that may be repeated."""
    for word, following in zip(words, [*words, ""][1:], strict=True):
        name, equals, value = word.partition("=")
        if name == flag:
            yield value if equals else following


def needs(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the architectures and kernels that a command fetches, if any. Raises UsageError for an unknown one."""
    command, *rest = words or ("",)
    flags = {word.partition("=")[0] for word in rest}
    if command == "test" and "--help" not in flags and not (rest and rest[0] in _WITHOUT_GUESTS):
        return default_names(), (DEFAULT_KERNEL,)
    if command not in ("run", "setup") or flags & _OTHERWISE:
        return (), ()
    arches = tuple(arch for value in _values(rest, "--arch") for arch in value.split(","))
    kernels = tuple(_values(rest, "--kernel")) or (DEFAULT_KERNEL,)
    if not arches and all("/" in kernel for kernel in kernels):
        # Only the build that the path names says for which architecture it is.
        return (), ()
    return chosen(arches), kernels


def fetch(words: Sequence[str]) -> None:
    """Fetch what the command with these words needs. Does nothing on a host where no sandbox can work."""
    has_sandbox = shutil.which("bwrap") is not None or os.geteuid() == 0
    root = keys.default_root()
    with suppress(LazymmuError, OSError):
        arches, kernels = needs(words)
        if not (arches and has_sandbox):
            return
        # In the order in which guests need them.
        host, names = lock.host_architecture(), [(lock.HOST, lock.TOOLS)]
        for arch in arches:
            own, flavours = architectures()[arch].packages_of, architectures()[arch].flavours
            names += [(own, lock.TOOLS), *((own, kernel) for kernel in kernels if kernel in flavours)]
        parts = [part for name in names if (part := lock.part(root, host, *name)) is not None]
        fetching = Fetching(root, parts, ", ".join(arches), Progress(), Event())
        for package in fetching.packages:
            # If one package fails, the others are still useful.
            with suppress(LazymmuError, OSError):
                fetching.wait([package])
