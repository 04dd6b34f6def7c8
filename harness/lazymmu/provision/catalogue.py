# SPDX-License-Identifier: GPL-2.0-only
"""The kernels that guests can run, from `images/kernels.yaml` and from what each architecture says about them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from msgspec import Struct

from lazymmu.architecture import architectures
from lazymmu.support.errors import UsageError
from lazymmu.support.project import IMAGES

if TYPE_CHECKING:
    from lazymmu.provision.own_kernels import BuiltKernel


class Kernel(Struct, frozen=True):
    """One entry of `images/kernels.yaml`, with what the architectures say about it."""

    name: str
    title: str
    #: Debian suite whose main section has it.
    suite: str
    #: Architecture -> flavour, as in linux-image-FLAVOUR.
    flavours: Mapping[str, str]
    #: Architectures on which it has the nested API.
    native: tuple[str, ...] = ()
    #: Architecture -> the kernel that a path names. Empty for one of the catalogue.
    own: Mapping[str, "BuiltKernel"] = {}


# The parser in C if there is one, because most commands read the file.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def kernels() -> Mapping[str, Kernel]:
    """Return the kernels by name, in the order of the file."""
    text = (IMAGES / "kernels.yaml").read_text(encoding="utf-8")
    every = architectures().items()
    return {
        name: Kernel(
            name=name,
            flavours={arch: one.flavours[name] for arch, one in every if name in one.flavours},
            native=tuple(arch for arch, one in every if name in one.native),
            **data,
        )
        for name, data in yaml.load(text, _LOADER).items()  # noqa: S506  (it is a safe one)
    }


def kernel(name: str) -> Kernel:
    """Return the kernel of that name, or that a path names: a value with a `/`. Raises UsageError if there is none."""
    if "/" in name:
        return _own(name)
    if name not in kernels():
        path = f"; a path has a `/`: ./{name}" if Path(name).exists() else ""
        raise UsageError(f"unknown kernel `{name}`", hint=f"kernels: {', '.join(kernels())}{path}")
    return kernels()[name]


# The units of a run ask for it again and again. A run says which build it found (`BuiltKernel.identity`).
@cache
def _own(name: str) -> Kernel:
    # Few runs have a user-built kernel.
    from lazymmu.provision import own_kernels

    found = own_kernels.of_path(name)
    return Kernel(
        name,
        title="; ".join(own_kernels.described(found)),
        suite="",
        flavours=dict.fromkeys(found, ""),
        native=tuple(arch for arch, one in found.items() if one.native),
        own=found,
    )
