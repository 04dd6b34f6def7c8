# SPDX-License-Identifier: GPL-2.0-only
"""Checks implementations of the kernel's nested lazy MMU mode on emulated guests against a model.

`load`, `predict`, `run` and `Guest` do in Python what the command line does; see `lazymmu.interface`.

Stable are the names in `lazymmu.interface.__all__`, their parameters, and the fields of the records; each may gain
others. So are the command line, its exit statuses and its JSON documents. Everything else may change with any version.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazymmu.interface import *  # noqa: F403
    from lazymmu.interface import __all__ as __all__
else:

    def __getattr__(name: str) -> object:
        """Return a name of the interface, which is imported only now: importing the package costs nothing."""
        if not name.startswith("__") or name == "__all__":
            interface = import_module("lazymmu.interface")
            if name == "interface":
                return interface
            if name == "__all__" or name in interface.__all__:
                return getattr(interface, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        """Return the names of the module with those of the interface."""
        return sorted({*globals(), "interface", *__getattr__("__all__")})


__version__ = "0.1.0"
