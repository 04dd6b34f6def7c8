# SPDX-License-Identifier: GPL-2.0-only
"""What several commands need from the same arguments."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lazymmu.guests.transports import TRANSPORTS
from lazymmu.provision import catalogue
from lazymmu.reports.destination import STDOUT, targets, write_json
from lazymmu.reports.terminal import Terminal
from lazymmu.session.selection import Selection, chosen_kernels
from lazymmu.support.errors import UsageError
from lazymmu.support.project import LIBRARY

if TYPE_CHECKING:
    from lazymmu.guests.transports import Transport
    from lazymmu.provision.cache import Cache
    from lazymmu.provision.setup import Images


def selection(arguments: Namespace, *, apis: tuple[str, ...] = ()) -> Selection:
    """Return the selection flags that the command has; `apis`: the revisions without --api."""
    flags = vars(arguments)
    return Selection(
        arches=tuple(arguments.arch),
        apis=tuple(arguments.api) or apis,
        tags=tuple(arguments.tag),
        excluded=tuple(arguments.exclude),
        kernels=tuple(flags.get("kernel") or ()),
        impls=tuple(flags.get("impl") or ()),
        personality=flags.get("personality"),
    )


def values(value: str | Sequence[str] | None) -> Sequence[str]:
    """Return the values of a flag that has one or several, or none."""
    return [value] if isinstance(value, str) else value or ()


def short(path: Path) -> Path:
    """Return a path for messages: relative to the working folder if it is below."""
    with suppress(OSError, ValueError):
        return path.relative_to(Path.cwd())
    return path


def library() -> Path:
    """Return the library's folder, as messages show it."""
    return short(LIBRARY)


def kernels(arguments: Namespace) -> list[catalogue.Kernel]:
    """Return the kernels that --kernel names, in the order of the catalogue."""
    return list(chosen_kernels(Selection(kernels=tuple(arguments.kernel or ()))))


def packaged_kernels(arguments: Namespace) -> list[catalogue.Kernel]:
    """Return the kernels that --kernel names, for commands about Debian's packages. Raises UsageError for a path."""
    found = kernels(arguments)
    if own := [one.name for one in found if one.own]:
        raise UsageError(f"--kernel {own[0]}: this command is about the kernels of images/kernels.yaml")
    return found


def kernel(arguments: Namespace) -> catalogue.Kernel:
    """Return the one kernel that --kernel names."""
    chosen = kernels(arguments)
    if len(chosen) > 1:
        raise UsageError(f"one --kernel is possible here, not {', '.join(one.name for one in chosen)}")
    return chosen[0]


def transport(arguments: Namespace, prepared: Sequence[Images]) -> Transport:
    """Return the transport that --transport names, ready for guests of these images. Raises SetupError."""
    return TRANSPORTS.pick(arguments.transport).create(prepared, offline=arguments.offline)


def human(arguments: Namespace) -> Terminal:
    """Return the terminal for a person: standard error if a flag sends a document to standard output."""
    # `--patch -` is standard input.
    is_taken = STDOUT in [value for name, value in vars(arguments).items() if name != "patch"]
    return Terminal(sys.stderr if is_taken else sys.stdout)


def outputs(arguments: Namespace) -> tuple[Terminal, Callable[[Mapping[str, Any]], None]]:
    """Return the terminal for a person, and a function that writes a document to the target of --json, if it is given.

    Raises UsageError if the target cannot be written.
    """
    return human(arguments), partial(write_json, targets({"--json": arguments.json}))


def cache() -> Cache:
    """Return this user's cache."""
    from lazymmu.provision.cache import Cache
    from lazymmu.provision.keys import default_root
    from lazymmu.provision.progress import Progress

    return Cache(default_root(), Progress())


@contextmanager
def shared_cache() -> Iterator[None]:
    """Hold this user's cache for the length of a `with` or a function, shared with all commands but `lazymmu clean`."""
    with cache().shared():
        yield
