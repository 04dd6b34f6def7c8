# SPDX-License-Identifier: GPL-2.0-only
"""The kernels that guests can run, from `images/kernels.yaml` and from what each architecture says about them."""

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
    #: Architectures on which it has the nested API.
    native: tuple[str, ...] = ()


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
    """Return the kernel of that name. Raises UsageError if there is none."""
    if name not in kernels():
        raise UsageError(f"unknown kernel `{name}`", hint=f"kernels: {', '.join(kernels())}")
    return kernels()[name]
