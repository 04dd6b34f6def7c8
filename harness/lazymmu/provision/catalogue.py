# SPDX-License-Identifier: GPL-2.0-only
"""The kernels that guests can run, from `images/kernels.yaml` and from what each architecture says about them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml
from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.support.errors import UsageError
from lazymmu.support.project import IMAGES


class Kernel(Struct, frozen=True):
    """One entry of `images/kernels.yaml`, with what the architectures say about it."""

    name: str
    title: str
    #: Debian suite whose main section has it.
    suite: str
    #: Architecture -> flavour, as in linux-image-FLAVOUR.
    flavours: Mapping[str, str]
    #: Guests on which it has the nested API itself.
    native: tuple[str, ...] = ()


# The C parser where there is one: the files are read at each start.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(name: str) -> Any:
    return yaml.load((IMAGES / name).read_text(encoding="utf-8"), _LOADER)  # noqa: S506  (it is a safe one)


@cache
def kernels() -> Mapping[str, Kernel]:
    """Return the kernels by name, in the order of the file."""
    every = architectures().items()
    return {
        name: Kernel(
            name=name,
            flavours={arch: one.flavours[name] for arch, one in every if name in one.flavours},
            native=tuple(arch for arch, one in every if name in one.native),
            **data,
        )
        for name, data in _read("kernels.yaml").items()
    }


def kernel(name: str) -> Kernel:
    """Return the kernel of that name; a UsageError lists what there is."""
    if name not in kernels():
        raise UsageError(f"unknown kernel `{name}`", hint=f"kernels: {', '.join(kernels())}")
    return kernels()[name]
